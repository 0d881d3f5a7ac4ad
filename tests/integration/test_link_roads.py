"""How the page's frames travel: over the data channel, over Socket.IO, from one to the other."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from support.engine import EngineProcess
from support.link_page import SET_UP, loaded

pytestmark = pytest.mark.browser

PLUGIN = """
from imjoy import api

class Plugin:
    def setup(self):
        self.seen = []
    def echo(self, value):
        return value
    def see(self, number):
        self.seen.append(number)
        return number
    def all_seen(self):
        return self.seen
    async def count(self, callback, upto):
        for number in range(upto):
            await callback(number)
    def size(self, data):
        return len(data)
    def make(self, size):
        return bytes(size)
    async def hand_on(self, name, size):
        other = await api.getPlugin(name)
        return await other.size(b"x" * size)
    async def fetch(self, name, size):
        other = await api.getPlugin(name)
        return len(await other.make(size))

api.export(Plugin())
"""

# Two streams at once, one each way, in the middle of which the road is changed.
RUN = """async (change) => {
  const heard = [];
  const big = new Uint8Array(3 << 20).map((_, index) => index);
  const counted = Plugin.count((number) => void heard.push(number), 300);
  const echoed = Promise.all([1, 2, 3].map(() => Plugin.echo(big.slice().buffer)));
  const answers = [];
  for (let number = 0; number < 300; number += 1) {
    answers.push(Plugin.see(number));
    if (number % 50 === 25) {
      await answers.at(-1);
      await change(number);
    }
  }
  await within(Promise.all([counted, ...answers]));
  const wholes = (await within(echoed)).map((back) => {
    const bytes = new Uint8Array(back);
    return bytes.length === big.length && bytes.every((byte, index) => byte === big[index]);
  });
  return [heard, await Plugin.all_seen(), wholes];
}"""

NUMBERS = list(range(300))


async def on_channel(page: Page) -> None:
    await page.wait_for_function("link.session.roads.hasChannel")


async def test_frames_and_events_go_over_the_channel(page: Page) -> None:
    await on_channel(page)
    await page.evaluate("""() => {
        window.bySocket = [];
        link.session.socket.onAny((name) => bySocket.push(name));
        link.session.socket.onAnyOutgoing((name) => bySocket.push(name));
    }""")
    await loaded(page, PLUGIN)
    assert await page.evaluate("Plugin.echo([1, 2])") == [1, 2]
    assert await page.evaluate("bySocket") == ["init_plugin"]
    states = await page.evaluate("events.filter((e) => e.event === 'state').map((e) => e.state)")
    assert states[-3:] == ["preparing", "starting", "ready"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("link.session.roads.channel?.socket.close()", id="the page ends the channel"),
        pytest.param("link.session.roads.channel?.socket.send('text')", id="the engine ends it"),
        pytest.param("link.session.socket.io.engine.close()", id="Socket.IO drops"),
        pytest.param(
            "(link.session.roads.channel?.socket.close(), link.session.socket.io.engine.close())",
            id="both drop",
        ),
        pytest.param(
            "link.session.roads.registered(() => link.session.request('open_channel', {}))",
            id="a new channel is opened",
        ),
    ],
)
async def test_a_road_that_ends_or_changes_loses_and_doubles_nothing(
    page: Page, change: str
) -> None:
    await on_channel(page)
    await loaded(page, PLUGIN)
    heard, seen, wholes = await page.evaluate(f"({RUN})(() => {{ {change}; }})")
    assert heard == NUMBERS
    assert seen == NUMBERS
    assert wholes == [True, True, True]


async def test_a_channel_that_broke_is_opened_again_after_a_reconnect(page: Page) -> None:
    await on_channel(page)
    await page.evaluate("link.session.roads.channel.socket.close()")
    await page.wait_for_function("!link.session.roads.hasChannel")
    await loaded(page, PLUGIN)
    assert await page.evaluate("Plugin.echo(1)") == 1
    await page.evaluate("link.session.socket.io.engine.close()")
    await on_channel(page)
    assert await page.evaluate("Plugin.echo(2)") == 2


async def test_without_a_channel_everything_goes_over_socketio(
    page: Page, engine: EngineProcess
) -> None:
    await page.route_web_socket("**/channel", lambda socket: socket.close())
    await page.reload()
    assert await page.evaluate(SET_UP, [engine.token, 15]) == "online"
    await loaded(page, PLUGIN)
    heard, seen, wholes = await page.evaluate(f"({RUN})(() => undefined)")
    assert (heard, seen, wholes) == (NUMBERS, NUMBERS, [True, True, True])
    assert not await page.evaluate("link.session.roads.hasChannel")


ECHO_64_MB = """async () => {
  const sent = new Float32Array(16 << 20).map((_, index) => index);
  const { _rvalue, _rdtype, _rshape } = await Plugin.echo(sent);
  const back = new Float32Array(_rvalue);
  return [_rdtype, _rshape, back.every((item, index) => item === sent[index])];
}"""


@pytest.mark.parametrize("has_channel", [True, False])
async def test_64_mb_go_both_ways(page: Page, has_channel: bool) -> None:
    await on_channel(page)
    if not has_channel:
        await page.evaluate("link.session.roads.channel.socket.close()")
    await loaded(page, PLUGIN)
    assert await page.evaluate(ECHO_64_MB) == ["float32", [16 << 20], True]


async def test_a_small_call_passes_a_big_one(page: Page) -> None:
    await on_channel(page)
    await loaded(page, PLUGIN, "Busy")
    await loaded(page, PLUGIN)
    order = await page.evaluate("""async () => {
        const order = [];
        const big = Busy.size(new ArrayBuffer(64 << 20)).then(() => order.push("big"));
        const small = Plugin.echo(1).then(() => order.push("small"));
        await Promise.all([big, small]);
        return order;
    }""")
    assert order == ["small", "big"]


async def test_16_mb_from_plugin_to_plugin_do_not_pass_the_page(page: Page) -> None:
    await on_channel(page)
    await loaded(page, PLUGIN, "Other")
    await loaded(page, PLUGIN)
    await page.evaluate("""() => {
        window.passed = 0;
        const { traffic } = link.session;
        const count = ({ header, body, buffers }) => {
            passed += buffers.reduce((sum, buffer) => sum + buffer.byteLength, body.length);
        };
        const arrived = traffic.arrived.bind(traffic);
        traffic.arrived = (frame) => { count(frame); arrived(frame); };
        const { channel } = link.session.roads;
        const send = channel.send.bind(channel);
        channel.send = (frame) => { count(frame); send(frame); };
    }""")
    size = 16 << 20
    assert await page.evaluate("(size) => within(Plugin.hand_on('Other', size))", size) == size
    assert await page.evaluate("(size) => within(Plugin.fetch('Other', size))", size) == size
    assert 0 < await page.evaluate("passed") < 64 << 10
