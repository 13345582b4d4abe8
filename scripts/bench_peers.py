#!/usr/bin/env python3
"""Training steps a second of another library, on the work that benches/train_step.rs of burn-lanes
does.

    bench_peers.py PEER BATCH HIDDEN SECONDS [--lanes K] [--threads N] [--processes N] [--device
      cpu|cuda] [--setting NAME]

PEER is torch, torch-plain (nn.LSTM and Adam as tutorials write them, nothing set), torch-compile,
torch-graph (CUDA graphs), jax or keras (on TensorFlow). The model: two LSTM layers over 60 rows of
5 features, a linear head on the last step, MSE, Adam, no dropout, f32 (no TF32). The series lies in
memory once and windows are gathered from it by index, in a new order each epoch; no loss is read
back. On the CPU the allocator keeps freed memory and denormals are flushed, but for torch-plain.

Each peer has several settings (ways in which its users would write or configure this). All are
tried in a warm-up and the fastest is measured, unless --setting names it. With --lanes K a peer
that can train K models at once does so, where that is the fastest. With --processes N, N processes
of one thread each share the lanes, wait for each other before they measure, and their rates are
added.

Prints one JSON object: steps_per_second (of one model, over all lanes and processes; by the median
of chunks), ms (1000 over that), processor_ms of a step, setting. Without the peer's package,
"skipped: ..." on stderr and exit status 3.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time

WINDOW, FEATURES, LAYERS, EPOCH_STEPS = 60, 5, 2, 64
PACKAGES = {
    "torch": "torch",
    "torch-plain": "torch",
    "torch-compile": "torch",
    "torch-graph": "torch",
    "jax": "jax",
    "keras": "tensorflow",
}


# glibc's allocator gives large buffers back to the system with every step, and fresh pages are a
# quarter to a third of PyTorch's step.
KEEPS_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    "MALLOC_TOP_PAD_": str(1 << 26),
}
# A suffix of settings: without it threads that wait for each other spin, which is faster on an idle
# machine alone.
SLEEPING = ", threads sleep"


def main():
    options = parsed()
    package = PACKAGES[options.peer]
    if importlib.util.find_spec(package) is None:
        skip(f"{options.peer}: this Python ({sys.version.split()[0]}) has no {package}")
    if options.processes > 1:
        return print(json.dumps(in_processes(options)))
    if (
        package == "torch"
        and options.peer != "torch-plain"
        and options.device == "cpu"
        and options.threads > 1
        and not (options.setting or options.suffix)
    ):
        commands = [
            [sys.executable, *sys.argv, f"--suffix={suffix}"] for suffix in ("spin", SLEEPING)
        ]
        runs = [
            subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            for command in commands
        ]
        return print(
            max(
                (run.stdout.strip() for run in runs),
                key=lambda line: json.loads(line)["steps_per_second"],
            )
        )
    suffix = SLEEPING if (options.setting or options.suffix or "").endswith(SLEEPING) else ""
    in_environment(options, suffix)
    settings = {"jax": jax_settings, "keras": keras_settings}.get(options.peer, torch_settings)(
        options
    )
    if options.setting:
        name = options.setting.removesuffix(suffix)
        settings = {name: settings[name]}
    name, train, seconds = fastest(options, settings)
    print(json.dumps(measure(options, name + suffix, train, seconds)))


def in_environment(options, suffix):
    """Starts this program anew where its environment, which libraries read when they are loaded, is
    not the wanted one.
    """
    wanted = KEEPS_MEMORY if options.device == "cpu" and options.peer != "torch-plain" else {}
    wanted = {
        **wanted,
        "OMP_NUM_THREADS": str(options.threads),
        **({"OMP_WAIT_POLICY": "passive"} if suffix else {}),
    }
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})


def parsed():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peer", choices=PACKAGES)
    parser.add_argument("batch", type=int)
    parser.add_argument("hidden", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--setting")
    parser.add_argument("--suffix", help=argparse.SUPPRESS)
    parser.add_argument(
        "--wait", action="store_true", help="say 'ready' and wait for a line before measuring"
    )
    return parser.parse_args()


def skip(reason):
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(3)


def fastest(options, settings):
    """The fastest of the settings: its name, its `train`, and the seconds that a call takes. Each
    is a function that returns `train`: `train(calls)` returns when the calls are done, with the
    steps that they were, counted for each model. Of one thread the processor time decides, which a
    busy machine disturbs less."""
    best = None
    for name, build in settings.items():
        try:
            train = build()
            train(1)  # compiles
            seconds = timed(train, 1)[0]
            calls = max(1, int(0.2 / seconds)) if len(settings) > 1 else 1
            runs = [timed(train, calls) for _ in range(3 if seconds < 1 else 1)]
        except (
            Exception
        ) as problem:  # a setting that a version lacks is no reason to leave the others
            print(f"setting '{name}' failed: {type(problem).__name__}: {problem}", file=sys.stderr)
            continue
        by_processor = options.threads == 1 and options.device == "cpu"
        cost = min(spent if by_processor else wall for wall, spent, _ in runs) / runs[0][2]
        print(f"setting '{name}': {cost * 1e3:.3f} ms a step", file=sys.stderr)
        if best is None or cost < best[0]:
            best = (cost, name, train, min(wall for wall, _, _ in runs) / calls)
    if best is None:
        skip("no setting works")
    return best[1:]


def timed(train, calls):
    started, spent = time.perf_counter(), time.process_time()
    steps = train(calls)
    return time.perf_counter() - started, time.process_time() - spent, steps


def measure(options, name, train, seconds):
    if options.wait:
        print("ready", flush=True)
        sys.stdin.readline()
    calls = max(1, int(options.seconds / 8 / seconds))
    timed(train, calls)
    chunks, started = [], time.perf_counter()
    while len(chunks) < 3 or time.perf_counter() - started < options.seconds:
        chunks.append(timed(train, calls))
    steps = chunks[0][2]
    ms = statistics.median(wall for wall, _, _ in chunks) / steps * 1e3
    processor = sum(spent for _, spent, _ in chunks) / len(chunks) / steps * 1e3
    return {
        "peer": options.peer,
        "batch": options.batch,
        "hidden": options.hidden,
        "lanes": options.lanes,
        "processes": 1,
        "threads": options.threads,
        "steps_per_second": 1e3 / ms,
        "ms": ms,
        "processor_ms": processor,
        "setting": name,
    }


def in_processes(options):
    """Shares the lanes among processes of one thread; a setting that is not given is chosen by one
    process alone.
    """
    least, more = divmod(options.lanes, options.processes)
    lanes = [max(1, least + (index < more)) for index in range(options.processes)]

    def start(lanes, *arguments):
        command = [sys.executable, __file__, options.peer, str(options.batch), str(options.hidden)]
        command += [*arguments, "--lanes", str(lanes), "--device", options.device]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def result(process):
        text = process.communicate()[0]
        if process.returncode:
            sys.exit(process.returncode)
        return json.loads(text)

    setting = options.setting or result(start(lanes[0], "0"))["setting"]
    processes = [
        start(share, str(options.seconds), "--setting", setting, "--wait") for share in lanes
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [result(process) for process in processes]
    rate = sum(one["steps_per_second"] for one in results)
    processor = sum(one["processor_ms"] * one["steps_per_second"] for one in results) / rate
    whole = {
        "lanes": options.lanes,
        "processes": options.processes,
        "steps_per_second": rate,
        "ms": 1e3 / rate,
    }
    return {**results[0], **whole, "processor_ms": processor}


def series(rows):
    import numpy

    values = numpy.sin(numpy.arange(rows * FEATURES, dtype=numpy.float32) * 0.37).reshape(
        rows, FEATURES
    )
    return values, numpy.sin(numpy.arange(rows, dtype=numpy.float32) * 1.85)


def steps_a_call(options):
    """Steps in one call of a compiled function. More than one is faster even where a step is long:
    XLA compiles JAX's step within a loop otherwise. There are few of them where a step is long, so
    that a call is not."""
    return (
        [1, 8]
        if options.device == "cuda" or options.batch * options.hidden**2 < 500_000
        else [1, 2]
    )


def torch_settings(options):
    import torch

    device = torch.device(options.device)
    if options.device == "cuda" and not torch.cuda.is_available():
        skip(f"{options.peer}: PyTorch {torch.__version__} finds no CUDA device")
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(options.peer != "torch-plain")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    batch, hidden, lanes = options.batch, options.hidden, options.lanes
    windows = EPOCH_STEPS * batch
    features, targets = (torch.from_numpy(values).to(device) for values in series(windows + WINDOW))
    offsets = torch.arange(WINDOW, device=device)

    class Single(torch.nn.Module):
        """nn.LSTM, as everybody writes it."""

        models = 1

        def __init__(self, batch_first):
            super().__init__()
            self.batch_first = batch_first
            self.lstm = torch.nn.LSTM(FEATURES, hidden, num_layers=LAYERS, batch_first=batch_first)
            self.head = torch.nn.Linear(hidden, 1)

        def forward(self, rows):  # [1, B]
            rows = rows[0]
            at = rows[:, None] + offsets if self.batch_first else rows + offsets[:, None]
            outputs = self.lstm(features[at])[0]
            last = outputs[:, -1] if self.batch_first else outputs[-1]
            return torch.nn.functional.mse_loss(self.head(last).squeeze(1), targets[rows])

    class Stacked(torch.nn.Module):
        """K models as batched matrix products, written by hand; the inputs' share of the gates of
        the first layer in one product.
        """

        models = lanes

        def __init__(self, cell):
            super().__init__()
            self.cell = cell
            bound = hidden**-0.5
            self.weights = torch.nn.ParameterList()
            for inputs in [FEATURES] + [hidden] * (LAYERS - 1):
                for shape in [
                    (lanes, inputs, 4 * hidden),
                    (lanes, hidden, 4 * hidden),
                    (lanes, 1, 4 * hidden),
                ]:
                    self.weights.append(torch.empty(shape).uniform_(-bound, bound))
            self.head = torch.nn.Parameter(torch.empty(lanes, hidden, 1).uniform_(-bound, bound))
            self.bias = torch.nn.Parameter(torch.zeros(lanes, 1))

        def forward(self, rows):  # [K, B]
            inputs = features[rows[:, None] + offsets[:, None]].flatten(1, 2)  # [K, T·B, F]
            for layer in range(LAYERS):
                w_input, w_hidden, bias = self.weights[3 * layer : 3 * layer + 3]
                gates = (
                    torch.baddbmm(bias, inputs, w_input)
                    .view(lanes, WINDOW, batch, 4 * hidden)
                    .unbind(1)
                )
                h = c = gates[0].new_zeros(lanes, batch, hidden)
                outputs = []
                for share in gates:
                    h, c = self.cell(share, h, c, w_hidden)
                    outputs.append(h)
                inputs = torch.cat(outputs, 1)
            forecasts = torch.bmm(h, self.head).squeeze(2) + self.bias
            return ((forecasts - targets[rows]) ** 2).mean(1).sum()

    def cell(share, h, c, w_hidden):
        i, f, g, o = torch.baddbmm(share, h, w_hidden).chunk(4, 2)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def orders(models):
        while True:
            yield from (
                torch.rand(models, windows, device=device).argsort(1).split(batch, 1)
            )  # [K, B] each

    def trainer(model, step, rows_of):
        rows = rows_of(model.models)

        def train(calls):
            for _ in range(calls):
                step(next(rows))
            if options.device == "cuda":
                torch.cuda.synchronize()
            return calls * model.models

        return train

    def eager(make_model, adam, compiled=lambda model: model):
        def build():
            torch.manual_seed(1)
            model = make_model().to(device)
            optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, **adam)
            loss = compiled(model)

            def step(rows):
                optimizer.zero_grad(set_to_none=True)
                loss(rows).backward()
                optimizer.step()

            return trainer(model, step, orders)

        return build

    def captured(make_model):
        """The whole step as one CUDA graph."""

        def build():
            torch.manual_seed(1)
            model = make_model().to(device)
            optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, capturable=True, fused=True)
            rows = torch.zeros(model.models, batch, dtype=torch.long, device=device)

            def step():
                optimizer.zero_grad(set_to_none=True)
                model(rows).backward()
                optimizer.step()

            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(3):
                    step()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            optimizer.zero_grad(set_to_none=True)
            with torch.cuda.graph(graph):
                step()

            def replay(new_rows):
                rows.copy_(new_rows)
                graph.replay()

            return trainer(model, replay, orders)

        return build

    fused, each = {"fused": True}, {"foreach": True}
    first, time_first = (lambda: Single(True)), (lambda: Single(False))
    if options.peer == "torch-plain":
        return {"nn.LSTM, batch first, Adam": eager(first, {})}
    if options.peer == "torch":
        return {
            "nn.LSTM, batch first, fused Adam": eager(first, fused),
            "nn.LSTM, batch first, for-each Adam": eager(first, each),
            "nn.LSTM, time first, fused Adam": eager(time_first, fused),
            "stacked cells, fused Adam": eager(lambda: Stacked(cell), fused),
        }
    if options.peer == "torch-graph":
        if options.device != "cuda":
            skip("torch-graph: CUDA graphs need --device cuda")
        return {
            "nn.LSTM, graph": captured(time_first),
            "stacked cells, graph": captured(lambda: Stacked(cell)),
        }
    if options.device == "cuda":
        whole = lambda model: torch.compile(model, mode="reduce-overhead")
        stacked = eager(lambda: Stacked(cell), fused, whole)
        return {
            "nn.LSTM compiled": eager(time_first, fused, whole),
            "stacked cells compiled": stacked,
        }
    # Whole stacks of cells compile here for a minute and are never the fastest.
    return {
        "nn.LSTM compiled": eager(time_first, fused, torch.compile),
        "stacked, each cell compiled": eager(lambda: Stacked(torch.compile(cell)), fused),
    }


def jax_settings(options):
    if options.device == "cpu":
        os.environ["JAX_PLATFORMS"] = "cpu"
        os.environ["NPROC"] = os.environ["PJRT_NPROC"] = str(options.threads)
        flags = "--xla_cpu_prefer_vector_width=512" + " --xla_cpu_multi_thread_eigen=false" * (
            options.threads == 1
        )
        os.environ["XLA_FLAGS"] = f"{flags} {os.environ.get('XLA_FLAGS', '')}"
    import jax
    from jax import lax, numpy as jnp

    if options.device == "cuda" and jax.default_backend() != "gpu":
        skip(f"jax: JAX {jax.__version__} finds no CUDA device")
    jax.config.update("jax_default_matmul_precision", "highest")
    batch, hidden = options.batch, options.hidden
    windows = EPOCH_STEPS * batch
    features, targets = map(jnp.asarray, series(windows + WINDOW))

    def initial(key):
        def uniform(*shape):
            nonlocal key
            key, now = jax.random.split(key)
            return jax.random.uniform(now, shape, minval=-(hidden**-0.5), maxval=hidden**-0.5)

        sizes = [FEATURES] + [hidden] * (LAYERS - 1)
        layers = [
            (uniform(inputs, 4 * hidden), uniform(hidden, 4 * hidden), uniform(4 * hidden))
            for inputs in sizes
        ]
        weights = {"layers": layers, "head": (uniform(hidden), uniform())}
        first, second = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
        return weights, first, second, jnp.zeros(())

    def cell(gates, c):
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(c), c

    def by_layer(layers, inputs, unroll):  # inputs [T, B, F]
        """A scan for each layer; the inputs' share of the gates in one product."""
        zeros = jnp.zeros((batch, hidden))
        for w_input, w_hidden, bias in layers:

            def step(state, share, w_hidden=w_hidden):
                h, c = cell(share + state[0] @ w_hidden, state[1])
                return (h, c), h

            _, inputs = lax.scan(step, (zeros, zeros), inputs @ w_input + bias, unroll=unroll)
        return inputs[-1]

    def at_once(layers, inputs, unroll):
        """One scan for all layers; one product for a layer's inputs and hidden state."""
        layers = [
            (jnp.concatenate([w_input, w_hidden]), bias) for w_input, w_hidden, bias in layers
        ]

        def step(states, x):
            new = []
            for (weights, bias), (h, c) in zip(layers, states):
                x, c = cell(jnp.concatenate([x, h], axis=-1) @ weights + bias, c)
                new.append((x, c))
            return new, None

        zeros = jnp.zeros((batch, hidden))
        states, _ = lax.scan(step, [(zeros, zeros)] * LAYERS, inputs, unroll=unroll)
        return states[-1][0]

    def setting(network, unroll, lanes, steps):
        """`lanes` models under vmap, `steps` steps a call."""

        def loss(weights, rows):
            hidden_state = network(
                weights["layers"], features[rows + jnp.arange(WINDOW)[:, None]], unroll
            )
            weight, bias = weights["head"]
            return jnp.mean((hidden_state @ weight + bias - targets[rows]) ** 2)

        def step(state, rows):
            weights, first, second, count = state
            gradient, count = jax.grad(loss)(weights, rows), count + 1
            first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
            second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
            rate, root = 1e-3 / (1 - 0.9**count), jnp.sqrt(1 - 0.999**count)
            update = lambda w, m, v: w - rate * m / (jnp.sqrt(v) / root + 1e-8)
            return jax.tree.map(update, weights, first, second), first, second, count

        over_lanes = jax.vmap(step) if lanes > 1 else step

        def call(state, rows):  # [S, K, B]; [S, B] of one model
            return (
                over_lanes(state, rows[0])
                if steps == 1
                else lax.scan(lambda s, r: (over_lanes(s, r), None), state, rows)[0]
            )

        def build():
            key = jax.random.key(1)
            compiled = jax.jit(call, donate_argnums=0)

            @jax.jit
            def epoch(key):  # [calls, S, K, B]
                every = jnp.broadcast_to(jnp.arange(windows)[:, None], (windows, lanes))
                order = jax.random.permutation(key, every, independent=True)
                order = order.reshape(EPOCH_STEPS // steps, steps, batch, lanes)
                return jnp.moveaxis(order, 3, 2) if lanes > 1 else order[..., 0]

            def batches(key):
                while True:
                    key, now = jax.random.split(key)
                    yield from epoch(now)

            state = jax.vmap(initial)(jax.random.split(key, lanes)) if lanes > 1 else initial(key)
            rows = batches(key)

            def train(calls):
                nonlocal state
                for _ in range(calls):
                    state = compiled(state, next(rows))
                jax.block_until_ready(state)
                return calls * steps * lanes

            return train

        return build

    tried = [
        (network, 1, steps) for network in (at_once, by_layer) for steps in steps_a_call(options)
    ] + [(at_once, 4, 1)]
    if options.device == "cuda":
        tried += [(network, unroll, 8) for network in (at_once, by_layer) for unroll in (4, 12)]
    return {
        f"{network.__name__}, unroll {unroll}, vmap {lanes}, {steps} steps a call": setting(
            network, unroll, lanes, steps
        )
        for lanes in sorted({1, options.lanes})
        for network, unroll, steps in tried
    }


def keras_settings(options):
    os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")
    import tensorflow
    import keras

    tensorflow.config.threading.set_intra_op_parallelism_threads(options.threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1 if options.threads == 1 else 2)
    if options.device == "cuda" and not tensorflow.config.list_physical_devices("GPU"):
        skip(f"keras: TensorFlow {tensorflow.__version__} finds no CUDA device")
    tensorflow.config.experimental.enable_tensor_float_32_execution(False)
    batch, hidden = options.batch, options.hidden
    windows = EPOCH_STEPS * batch
    features, targets = map(tensorflow.constant, series(windows + WINDOW))
    offsets = tensorflow.range(WINDOW)

    def setting(unroll, xla, steps):
        def build():
            keras.utils.set_random_seed(1)
            layers = [
                keras.layers.LSTM(hidden, return_sequences=layer < LAYERS - 1, unroll=unroll)
                for layer in range(LAYERS)
            ]
            model = keras.Sequential(
                [keras.Input((WINDOW, FEATURES)), *layers, keras.layers.Dense(1)]
            )
            optimizer = keras.optimizers.Adam(1e-3, epsilon=1e-8)
            optimizer.build(model.trainable_variables)

            def step(rows):  # [B]
                with tensorflow.GradientTape() as tape:
                    inputs = tensorflow.gather(features, rows[:, None] + offsets)
                    errors = model(inputs, training=True)[:, 0] - tensorflow.gather(targets, rows)
                    loss = tensorflow.reduce_mean(errors**2)
                gradients = tape.gradient(loss, model.trainable_variables)
                optimizer.apply_gradients(zip(gradients, model.trainable_variables))

            compiled = tensorflow.function(step, jit_compile=xla)

            @tensorflow.function
            def call(rows):  # [S, B]
                for index in tensorflow.range(steps):
                    compiled(rows[index])

            def batches():
                while True:
                    order = tensorflow.random.shuffle(tensorflow.range(windows))
                    yield from tensorflow.reshape(order, (EPOCH_STEPS // steps, steps, batch))

            rows = batches()

            def train(calls):
                for _ in range(calls):
                    call(next(rows)) if steps > 1 else compiled(next(rows)[0])
                optimizer.iterations.numpy()  # waits
                return calls * steps

            return train

        return build

    return {
        f"{'unrolled' if unroll else 'rolled'}, {'XLA' if xla else 'no XLA'}, "
        f"{steps} steps a call": setting(unroll, xla, steps)
        for unroll, xla in [(False, False), (False, True), (True, False)]
        for steps in (steps_a_call(options) if not unroll else [1])
    }


if __name__ == "__main__":
    main()
