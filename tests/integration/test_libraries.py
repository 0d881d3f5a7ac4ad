"""Values of real libraries, from a plugin whose environment has them to a client without."""

from __future__ import annotations

import numpy as np

import imjoy_client
from support.engine import EngineProcess

SCRIPT = """
import numpy as np
import zarr
from PIL import Image
from imjoy import api

class Plugin:
    def setup(self):
        pass

    def picture(self, mode):
        ramp = np.arange(12, dtype="uint8").reshape(3, 4)
        return Image.fromarray(ramp).convert(mode)

    def size_of(self, array):
        return Image.fromarray(array).size

    def cube(self):
        return zarr.array(np.arange(64, dtype="uint16").reshape(4, 4, 4), chunks=(2, 4, 4))

    def group(self):
        group = zarr.group()
        group.create_array("cells", data=np.arange(6, dtype="int32"), chunks=(3,))
        return group

api.export(Plugin())
"""
LIBRARIES = {"name": "Libraries", "requirements": ["numpy", "pillow", "zarr>=3"]}


async def test_images_and_chunks_of_real_libraries(engine: EngineProcess) -> None:
    async with imjoy_client.connect(engine.link, "") as client:
        plugin = await client.start_plugin(LIBRARIES, script=SCRIPT)

        grey = await plugin.picture("L")
        assert isinstance(grey, np.ndarray)
        assert (grey.dtype, grey.shape, grey[2, 3]) == (np.uint8, (3, 4), 11)
        assert (await plugin.picture("RGB")).shape == (3, 4, 3)
        assert (await plugin.picture("1")).dtype == bool
        assert await plugin.size_of(np.zeros((5, 7, 3), dtype="uint8")) == [7, 5]

        cube = await plugin.cube()
        assert (cube["shape"], cube["chunks"], cube["dtype"]) == ([4, 4, 4], [2, 4, 4], "uint16")
        assert await cube["containsItem"]("c/1/0/0")
        assert not await cube["containsItem"]("c/2/0/0")
        assert b'"node_type"' in bytes(await cube["getItem"]("zarr.json"))
        chunk = bytes(await cube["getItem"]("c/1/0/0"))
        await cube["setItem"]("c/0/0/0", chunk)
        assert bytes(await cube["getItem"]("c/0/0/0")) == chunk

        group = await plugin.group()
        assert await group["containsItem"]("cells/zarr.json")
        assert await group["getItem"]("cells/c/1")
