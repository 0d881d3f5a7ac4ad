/** What a subject in a page is put through; the same as in workloads.py. */

const CALLS = 500;
const WARM_UP_CALLS = 50;
const IN_FLIGHT = 64;
const IN_FLIGHT_CALLS = 2000;
const CALLBACKS = 1000;
const MB = 1e6;
const REPEATS = { 1: 20, 16: 3, 64: 1, 256: 1 };
const DUE_EVERY_MS = 10;
const LEAST_DUE = 100;

const percentile = (values, percent) =>
  [...values].sort((a, b) => a - b)[Math.ceil((values.length * percent) / 100) - 1];

function noise(megabytes) {
  const words = new Uint32Array((megabytes * MB) / 4);
  let state = 1;
  for (let index = 0; index < words.length; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[index] = (state & 0x807fffff) | 0x3f800000;
  }
  return new Float32Array(words.buffer);
}

window.workloads = {
  async smallCalls(subject) {
    for (let index = 0; index < WARM_UP_CALLS; index += 1) await subject.call();
    const times = [];
    const start = performance.now();
    for (let index = 0; index < CALLS; index += 1) {
      const before = performance.now();
      await subject.call();
      times.push(performance.now() - before);
    }
    const total = performance.now() - start;
    return { p50: percentile(times, 50), p99: percentile(times, 99), rate: (CALLS / total) * 1e3 };
  },

  async inFlight(subject) {
    let left = IN_FLIGHT_CALLS;
    const caller = async () => {
      while (left > 0) {
        left -= 1;
        await subject.call();
      }
    };
    const start = performance.now();
    await Promise.all(Array.from({ length: IN_FLIGHT }, caller));
    return { rate: (IN_FLIGHT_CALLS / (performance.now() - start)) * 1e3 };
  },

  async callbacks(subject) {
    await subject.callbacks(WARM_UP_CALLS);
    const start = performance.now();
    await subject.callbacks(CALLBACKS);
    return { rate: (CALLBACKS / (performance.now() - start)) * 1e3 };
  },

  async arrays(subject, megabytes) {
    const array = noise(megabytes);
    const start = performance.now();
    for (let index = 0; index < REPEATS[megabytes]; index += 1) {
      const bytes = await subject.array(array);
      if (bytes !== array.byteLength) throw new Error(`${bytes} bytes came back`);
    }
    const took = (performance.now() - start) / 1e3;
    return { rate: (2 * REPEATS[megabytes] * array.byteLength) / MB / took };
  },

  async besideArray(subject, megabytes) {
    const array = noise(megabytes);
    const late = [];
    const calls = [];
    let moving = true;
    const transfer = async () => {
      while (late.length < LEAST_DUE) await subject.array(array);
      moving = false;
    };
    const call = async (due) => {
      await subject.beside();
      late.push(performance.now() - due);
    };
    for (let index = 0; index < WARM_UP_CALLS; index += 1) await subject.beside();
    const transferred = transfer();
    let due = performance.now();
    while (moving) {
      due += DUE_EVERY_MS;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
      for (; due <= performance.now(); due += DUE_EVERY_MS) calls.push(call(due));
    }
    await transferred;
    await Promise.all(calls);
    return { p99: percentile(late, 99), longest: Math.max(...late) };
  },

  async betweenPlugins(subject, megabytes) {
    const size = megabytes * MB;
    await subject.between(MB);
    return { rate: (2 * size) / MB / (await subject.between(size)) };
  },
};

/** A plain WebSocket in front of the opaque relay (floor_relay.py, floor_worker.py). */
window.floorSubject = async (url, message) => {
  const PIECE_BYTES = 512 * 1024;
  const BUFFERED_BYTES = 2 ** 20;
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
  const call = new TextEncoder().encode(message);
  const waiting = [];
  const take = ({ data }) => waiting.shift()(data);
  socket.onmessage = take;
  const answer = () => new Promise((resolve) => waiting.push(resolve));
  const text = (words) => new TextEncoder().encode(words);
  // One answer after the other: what goes beside an array waits for its end.
  let last = Promise.resolve();
  const inTurn = (work) => {
    last = last.then(work);
    return last;
  };
  const floor = {
    call() {
      const answered = answer();
      socket.send(call);
      return answered;
    },
    beside: () => inTurn(() => floor.call()),
    async between(size) {
      const array = new Float32Array(size / 4).fill(1);
      const start = performance.now();
      await floor.array(array);
      return (performance.now() - start) / 1e3;
    },
    async callbacks(count) {
      await new Promise((resolve) => {
        socket.onmessage = ({ data }) => {
          if (new Uint8Array(data)[0] === 99) socket.send(text("e"));
          else resolve();
        };
        socket.send(text(`c${count}`));
      });
      socket.onmessage = take;
    },
    array: (array) => inTurn(() => floor.transferred(array)),
    async transferred(array) {
      const bytes = new Uint8Array(array.buffer);
      const back = new Uint8Array(bytes.length);
      let done = 0;
      const whole = new Promise((resolve) => {
        socket.onmessage = ({ data }) => {
          back.set(new Uint8Array(data), done);
          done += data.byteLength;
          if (done === bytes.length) resolve();
        };
      });
      socket.send(text(`a${bytes.length}`));
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        while (socket.bufferedAmount > BUFFERED_BYTES) {
          await new Promise((resolve) => setTimeout(resolve));
        }
        socket.send(bytes.subarray(at, at + PIECE_BYTES));
      }
      await whole;
      socket.onmessage = take;
      return done;
    },
  };
  return floor;
};

/** The real core, the link and the engine, with two plugins that give back what they get. */
window.engineSubject = async (token, codes) => {
  await new Promise((resolve, reject) => {
    const tag = document.createElement("script");
    Object.assign(tag, { src: "/core/imjoy-loader.min.js", onload: resolve, onerror: reject });
    document.head.append(tag);
  });
  const { ImJoy } = await loadImJoyCore({ base_url: "/core/" });
  const imjoy = new ImJoy({
    imjoy_api: {},
    default_base_frame: `${location.origin}/frames/base_frame.html`,
    default_rpc_base_url: `${location.origin}/rpc/`,
  });
  imjoy.pm.internal_plugins = {};
  await imjoy.start({ workspace: "default" });
  const { createEngineLink } = await import("/link/index.js");
  const { io } = await import("/vendor/socketio.js");
  const loadRPC = async () => (await loadImJoyRPC({ base_url: `${location.origin}/rpc/` })).RPC;
  const link = await createEngineLink({ url: location.origin, token, io, loadRPC, graceS: 5 });
  await link.register(imjoy);
  const { api } = await imjoy.pm.reloadPlugin({ code: codes[0] });
  const { api: other } = await imjoy.pm.reloadPlugin({ code: codes[1] });
  await api.meet(other.echo);
  return {
    call: () => api.echo({ x: 1 }),
    beside: () => other.echo({ x: 1 }),
    between: (size) => api.send_on(size),
    async callbacks(count) {
      let called = 0;
      await api.call_back(() => { called += 1; }, count);
      if (called !== count) throw new Error(`${called} callbacks came`);
    },
    async array(array) {
      const sent = { _rtype: "ndarray", _rdtype: "float32", _rshape: [array.length], _rvalue: array.buffer };
      const back = await api.echo(sent);
      return (back._rvalue ?? back.data ?? back).byteLength;
    },
  };
};
