"""Writes crates/{burn-lanes,lane-types}/tests/fixtures/*.json: what PyTorch computes for the
trainer's tests to meet.

    python scripts/torch_fixtures.py        # needs torch alone; written with 2.11.0

Everything is computed in double precision from inputs that are exact in single precision, so that
the fixtures are the truth and the tests measure the trainer's own rounding. Inputs are not stored:
both sides draw them from the same congruential generator (`numbers` here, `Numbers` in
tests/pytorch.rs).
"""

import json
import math
import pathlib

import torch

CRATES = pathlib.Path(__file__).resolve().parent.parent / "crates"
FOLDER = CRATES / "burn-lanes/tests/fixtures"
SCHEDULES = CRATES / "lane-types/tests/fixtures"
SAMPLE = 48  # values kept of a large tensor, besides its norm
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    SCHEDULES.mkdir(parents=True, exist_ok=True)
    write("schedules", schedules(), SCHEDULES)
    for shape in [(5, 8, 7, 2, 4), (3, 5, 1, 1, 1), (1, 6, 33, 3, 5), (5, 12, 32, 2, 9)]:
        write("lstm_{}_{}_{}_{}_{}".format(*shape), trainings(*shape))
    write("quantiles_5_8_7_2_4", quantiles(5, 8, 7, 2, 4, levels=[0.05, 0.3, 0.5, 0.9]))
    write("partial_batch", partial_batch())


def write(name, value, folder=FOLDER):
    (folder / f"{name}.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")


# -- trainings -------------------------------------------------------------------------------------


def trainings(features, window, hidden, layers, batch):
    """One gradient per loss, and the weights after some steps per update rule; every step takes all
    windows as one batch.
    """
    data = Data(features, window, batch, seed=features * 1000 + window * 100 + hidden * 10 + layers)
    shape = dict(features=features, window=window, hidden=hidden, layers=layers, batch=batch)
    gradients = []
    for loss in ["mse", "mae", "huber"]:
        model = Model(data, hidden, layers)
        value = model.loss(data, loss)
        value.backward()
        gradients.append(
            dict(
                loss=loss,
                value=value.item(),
                mse=model.loss(data, "mse").item(),
                mae=model.loss(data, "mae").item(),
                gradients=model.summaries(lambda weight: weight.grad),
            )
        )
    runs = [
        run(data, shape, "mse", "adam", 1),
        run(data, shape, "mse", "adam", 50),
        run(
            data,
            shape,
            "huber",
            "adam",
            50,
            learning_rate=3e-3,
            beta1=0.8,
            beta2=0.99,
            epsilon=1e-6,
            weight_decay=1e-2,
        ),
        run(data, shape, "mae", "adamw", 50, learning_rate=2e-3, weight_decay=0.1),
        run(data, shape, "mse", "sgd", 50, learning_rate=1e-2, momentum=0.9, weight_decay=1e-3),
        run(data, shape, "mse", "sgd", 50, learning_rate=1e-1, clip_norm=0.1),
    ]
    forecasts = [digits(value) for value in Model(data, hidden, layers).forecasts(data).tolist()]
    return dict(
        shape=shape, data=data.record(), forecasts=forecasts, gradients=gradients, runs=runs
    )


def quantiles(features, window, hidden, layers, batch, levels):
    """The same of a head with an output for each level, trained with the mean of their pinball
    losses.
    """
    data = Data(features, window, batch, seed=4242)
    shape = dict(
        features=features, window=window, hidden=hidden, layers=layers, batch=batch, levels=levels
    )
    model = Model(data, hidden, layers, levels)
    value = model.loss(data, "pinball")
    value.backward()
    mse, mae = model.loss(data, "mse").item(), model.loss(data, "mae").item()
    gradients = [
        dict(
            value=value.item(),
            mse=mse,
            mae=mae,
            gradients=model.summaries(lambda weight: weight.grad),
        )
    ]
    runs = [
        run(data, shape, "pinball", "adam", 1),
        run(data, shape, "pinball", "adam", 50, learning_rate=3e-3),
        run(data, shape, "pinball", "sgd", 50, learning_rate=1e-2, momentum=0.9, clip_norm=0.5),
    ]
    for one in runs:
        del one["loss"]
    forecasts = [
        digits(value)
        for value in Model(data, hidden, layers, levels).outputs(data).reshape(-1).tolist()
    ]
    return dict(
        shape=shape, data=data.record(), forecasts=forecasts, gradients=gradients, runs=runs
    )


def run(data, shape, loss, optimizer, steps, **settings):
    """Trains on all windows at once, one step an epoch."""
    config = dict(
        epochs=steps,
        learning_rate=1e-3,
        schedule=dict(kind="constant"),
        weight_decay=0.0,
        beta1=0.9,
        beta2=0.999,
        epsilon=1e-8,
        momentum=0.0,
        dropout=0.0,
        clip_norm=None,
        early_stopping=None,
        seed=1,
    )
    assert settings.keys() <= config.keys()
    config.update(settings)
    model = Model(data, shape["hidden"], shape["layers"], shape.get("levels"))
    rule = update_rule(model, optimizer, config)
    losses = [step(model, data, None, loss, rule, config["clip_norm"]) for _ in range(steps)]
    losses.append(model.loss(data, loss).item())  # the validation loss after the last step
    weights = model.summaries(lambda weight: weight)
    return dict(loss=loss, optimizer=optimizer, config=config, losses=losses, weights=weights)


def partial_batch():
    """An epoch over five windows in batches of four, for each window that may be left for the
    second batch.
    """
    data = Data(features=3, window=4, windows=5, seed=77)
    config = dict(learning_rate=0.25, weight_decay=0.0, momentum=0.0)
    ends = []
    for left in range(5):
        model = Model(data, hidden=2, layers=1)
        rule = update_rule(model, "sgd", config)
        first = [index for index in range(5) if index != left]
        sums = 4 * step(model, data, first, "mse", rule, None) + step(
            model, data, [left], "mse", rule, None
        )
        weights = model.summaries(lambda weight: weight)
        ends.append(dict(left=left, loss=sums / 5, weights=weights))
    shape = dict(features=3, window=4, hidden=2, layers=1, batch=4)
    return dict(shape=shape, data=data.record(), learning_rate=config["learning_rate"], ends=ends)


def step(model, data, batch, loss, rule, clip_norm):
    rule.zero_grad()
    value = model.loss(data, loss, batch)
    value.backward()
    if clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(model.weights.values(), clip_norm)
    rule.step()
    return value.item()


def update_rule(model, optimizer, config):
    parameters, rate, decay = model.parameters(), config["learning_rate"], config["weight_decay"]
    if optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=rate, momentum=config["momentum"], weight_decay=decay)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimizer]
    betas = (config["beta1"], config["beta2"])
    return kind(parameters, lr=rate, betas=betas, eps=config["epsilon"], weight_decay=decay)


class Data:
    """A series, its windows, and the generator that goes on to draw the weights."""

    def __init__(self, features, window, windows, seed):
        self.seed, self.features, self.window = seed, features, window
        self.rows = window + 2 * windows
        self.ends = [window - 1 + 2 * index + index % 2 for index in range(windows)]
        self.numbers = numbers(seed)
        self.series = draw(self.numbers, (self.rows, features), 1.0)
        self.target = draw(self.numbers, (self.rows,), 2.0)

    def inputs(self, batch):
        return torch.stack(
            [self.series[end + 1 - self.window : end + 1] for end in self.chosen(batch)]
        )

    def targets(self, batch):
        return self.target[self.chosen(batch)]

    def chosen(self, batch):
        return self.ends if batch is None else [self.ends[index] for index in batch]

    def record(self):
        return dict(seed=self.seed, rows=self.rows, ends=self.ends)


class Model(torch.nn.Module):
    """nn.LSTM and a linear head on the last step, with one output or one for each level. The
    trainer has one bias per gate: the second one here stays zero and fixed, so that the first gets
    the gradient of their sum and the update rule moves it once."""

    def __init__(self, data, hidden, layers, levels=None):
        super().__init__()
        self.lstm = torch.nn.LSTM(data.features, hidden, layers, batch_first=True)
        self.levels = levels
        self.head = torch.nn.Linear(hidden, len(levels or [0.5]))
        # Draws follow the series and the target, in the order of the trainer's weights, in its
        # layouts.
        self.stream = numbers(data.seed, skip=data.rows * (data.features + 1))
        self.weights = {}
        for layer in range(layers):
            inputs = data.features if layer == 0 else hidden
            self.fill(
                f"lstm.{layer}.w_input",
                getattr(self.lstm, f"weight_ih_l{layer}"),
                (inputs, 4 * hidden),
            )
            self.fill(
                f"lstm.{layer}.w_hidden",
                getattr(self.lstm, f"weight_hh_l{layer}"),
                (hidden, 4 * hidden),
            )
            self.fill(f"lstm.{layer}.bias", getattr(self.lstm, f"bias_ih_l{layer}"), (4 * hidden,))
            second = getattr(self.lstm, f"bias_hh_l{layer}")
            second.requires_grad_(False)
            second.zero_()
        self.fill("head.weight", self.head.weight, (self.head.out_features * hidden,))
        self.fill("head.bias", self.head.bias, (self.head.out_features,))

    def fill(self, name, parameter, layout):
        """`layout` is the trainer's: transposed against PyTorch's for the matrices of the layers;
        the head's is PyTorch's.
        """
        values = draw(self.stream, layout, 0.5 if self.head.in_features < 8 else 0.25)
        with torch.no_grad():
            parameter.copy_(
                values.T.reshape(parameter.shape)
                if len(layout) == 2
                else values.reshape(parameter.shape)
            )
        self.weights[name] = parameter

    def parameters(self, recurse=True):
        return list(self.weights.values())

    def summaries(self, pick):
        """Of what is picked of each weight, in the trainer's layout."""
        layout = lambda name, tensor: tensor if name == "head.weight" else tensor.t()
        return {name: summary(layout(name, pick(weight))) for name, weight in self.weights.items()}

    def outputs(self, data, batch=None):
        outputs, _ = self.lstm(data.inputs(batch))
        return self.head(outputs[:, -1])

    def forecasts(self, data, batch=None):
        return self.outputs(data, batch)[:, self.levels.index(0.5) if self.levels else 0]

    def loss(self, data, kind, batch=None):
        if kind == "pinball":
            residuals = data.targets(batch).unsqueeze(1) - self.outputs(data, batch)
            levels = torch.tensor(self.levels)
            return torch.maximum(levels * residuals, (levels - 1) * residuals).mean()
        functions = dict(
            mse=torch.nn.MSELoss(), mae=torch.nn.L1Loss(), huber=torch.nn.HuberLoss(delta=1.0)
        )
        return functions[kind](self.forecasts(data, batch), data.targets(batch))


def numbers(seed, skip=0):
    """Numbers in [-1, 1) on a grid of 2^24 points (Knuth's MMIX multiplier)."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        if skip > 0:
            skip -= 1
            continue
        yield (state >> 40) / 2**23 - 1


def draw(stream, layout, scale):
    return torch.tensor([next(stream) * scale for _ in range(math.prod(layout))]).reshape(layout)


def summary(tensor):
    """The norm and every `stride`-th value."""
    flat = tensor.detach().reshape(-1)
    stride = 1 if len(flat) <= 2 * SAMPLE else odd(len(flat) // SAMPLE)
    return dict(
        norm=digits(flat.norm().item()),
        stride=stride,
        values=[digits(value) for value in flat[::stride].tolist()],
    )


def odd(number):
    """Widths are mostly even: an odd stride visits every gate."""
    return number | 1


def digits(value):
    return float(f"{value:.9g}")


# -- schedules -------------------------------------------------------------------------------------


def schedules():
    """Rates of torch.optim.lr_scheduler over some epochs, beside the schedule that should give
    them.
    """
    rate = torch.optim.lr_scheduler
    falling = [1 / (1 + epoch) for epoch in range(30)]
    bumpy = [
        1.0,
        0.9,
        0.95,
        0.91,
        0.93,
        0.92,
        0.92,
        0.5,
        0.49999,
        0.49998,
        0.49997,
        0.49996,
        float("nan"),
        0.6,
        0.6,
        0.4,
        0.41,
    ]
    bumpy += [0.42] * 13
    floor = dict(min_learning_rate=1e-4)
    return [
        schedule(
            lambda o: rate.StepLR(o, 4, 0.3),
            1e-2,
            dict(kind="step", warmup_epochs=0, step_epochs=4, gamma=0.3),
        ),
        schedule(
            lambda o: rate.ExponentialLR(o, 0.93),
            1e-2,
            dict(kind="exponential", warmup_epochs=0, gamma=0.93),
        ),
        schedule(
            lambda o: rate.CosineAnnealingLR(o, 30, 1e-4),
            1e-2,
            dict(kind="cosine", warmup_epochs=0, restart_epochs=None, **floor),
        ),
        schedule(
            lambda o: rate.CosineAnnealingWarmRestarts(o, 7, eta_min=1e-4),
            1e-2,
            dict(kind="cosine", warmup_epochs=0, restart_epochs=7, **floor),
        ),
        schedule(
            lambda o: rate.LinearLR(o, 1.0, 1e-2, 30),
            1e-2,
            dict(kind="linear", warmup_epochs=0, **floor),
        ),
        schedule(
            lambda o: rate.SequentialLR(
                o, [rate.LinearLR(o, 0.2, 1.0, 4), rate.CosineAnnealingLR(o, 25, 1e-4)], [5]
            ),
            1e-2,
            dict(kind="cosine", warmup_epochs=5, restart_epochs=None, **floor),
        ),
        schedule(
            lambda o: rate.LambdaLR(o, lambda e: min((e + 1) ** -0.5, (e + 1) * 6**-1.5) * 6**0.5),
            1e-2,
            dict(kind="noam", warmup_epochs=6),
        ),
        plateau(0.5, 2, 0.0, bumpy),
        plateau(0.1, 0, 1e-4, bumpy),
        plateau(0.1, 3, 1e-4, falling),
    ]


def schedule(make, base, ours, epochs=30):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    scheduler = make(optimizer)
    rates = []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return dict(
        scheduler=type(scheduler).__name__, base=base, schedule=ours, losses=[], rates=rates
    )


def plateau(factor, patience, least, losses):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1e-2)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=factor, patience=patience, min_lr=least, eps=0
    )
    rates = []
    for loss in losses:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(loss)
    ours = dict(kind="plateau", factor=factor, patience=patience, min_learning_rate=least)
    losses = [None if math.isnan(loss) else loss for loss in losses]
    return dict(scheduler="ReduceLROnPlateau", base=1e-2, schedule=ours, losses=losses, rates=rates)


if __name__ == "__main__":
    main()
