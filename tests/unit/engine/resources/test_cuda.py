from __future__ import annotations

import pytest

from imjoy_engine.resources.cuda import cuda_version, read_cuda_version


class Nvml:
    """The few functions of pynvml that are asked."""

    class NVMLError(Exception):
        pass

    def __init__(self, number: int | None, *, starts: bool = True) -> None:
        self.number = number
        self.starts = starts
        self.open = 0

    def nvmlInit(self) -> None:
        if not self.starts:
            raise self.NVMLError
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:
        if self.number is None:
            raise self.NVMLError
        return self.number


@pytest.mark.parametrize(
    ("number", "version"),
    [(12040, "12.4"), (13000, "13.0"), (11080, "11.8"), (0, None), (None, None)],
)
def test_the_drivers_number_as_a_version(number, version):
    nvml = Nvml(number)

    assert read_cuda_version(nvml) == version
    assert nvml.open == 0


def test_without_a_driver_there_is_none():
    assert read_cuda_version(Nvml(12040, starts=False)) is None


async def test_the_machine_itself_can_be_asked():
    version = await cuda_version()

    assert version is None or version.replace(".", "").isdigit()
