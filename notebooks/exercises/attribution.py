# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What did this network look at?
#
# Five parts, about 90 minutes. You will see gradients saturate, build a local attribution map from nothing, measure how
# widely a network looked, and unmask a network by its maps.
#
# Write your answers where it says `YOUR CODE HERE` and delete the line `raise NotImplementedError()`; write them with torch
# and NumPy, not with the verbs of lam_nb that you are building. Cells with `assert` check your answer and say what is
# wrong; more checks run when the exercise is graded. Parts stand alone: if one does not work, go on with the next. No GPU
# needed.
#
# **In Colab**, the next cell installs what is needed and asks for the files that came with this notebook: choose both,
# `given.py` and `cases.nc`. Elsewhere it does nothing.

# %%
student = ""  # opening.py

# %% nbgrader={"grade": false, "grade_id": "given", "locked": true, "schema_version": 3, "solution": false, "task": false}
import given  # given.py lies beside this notebook
import numpy as np
import plotly.graph_objects as go
import torch
import xarray as xr
from plotly.subplots import make_subplots
from torch.nn import functional

import lam_nb as lam
from lam_nb import views

torch.set_num_threads(min(2, torch.get_num_threads()))
network, image, region = given.scene(student)  # picture (3, y, x), RGB in [0, 1]; window of the ×4 output
detector = lam.detectors.edges(region)  # outputs (n, 3, Y, X) -> amount of edges in the window, (n,)
region, tuple(image.shape)

# %% [markdown]
# ## Part 1 · Gradients saturate (15 minutes)
#
# `path(alpha)` is the picture with a Gaussian blur that falls from σ = 1.2 at α = 0 to nothing at α = 1 (you will write it
# yourself in part 2). Ask the detector along the way. `network` takes a batch (n, 3, y, x).

# %% nbgrader={"grade": false, "grade_id": "path", "locked": true, "schema_version": 3, "solution": false, "task": false}
path = lam.paths.blur(sigma=1.2)(image)


# %% nbgrader={"grade": false, "grade_id": "response", "locked": false, "schema_version": 3, "solution": true, "task": false}
def response(path, alphas):
    """Return the detector's value on the network's output at every alpha: an array (len(alphas),)."""
    ### BEGIN SOLUTION
    with torch.no_grad():
        return np.array([float(detector(network(path(float(alpha))[None]))) for alpha in alphas])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "response-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
alphas = np.linspace(0, 1, 21)
values = response(path, alphas)
assert values.shape == (21,), f"response: got shape {values.shape}, expected one value for each alpha, (21,)"
assert np.isclose(values[-1], float(detector(network(image[None]))), rtol=1e-4), (
    "response: at α = 1 the path is the picture; its value should be the detector's on the network's output"
)
### BEGIN HIDDEN TESTS
peer = given.ready(network, image, region).response(path, alphas)
assert np.allclose(values, peer, rtol=1e-4), (
    f"response: at α = {alphas[7]:.2f} got {values[7]:.4g}, expected {peer[7]:.4g}: ask the network at path(alpha), each alpha"
)
still = response(lambda alpha: image, [0.3])
assert np.isclose(still[0], peer[-1], rtol=1e-4), (
    f"response: on a path that stands still at the picture got {still[0]:.4g}, expected {peer[-1]:.4g}: use the path that is given"
)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "response-plot", "locked": true, "schema_version": 3, "solution": false, "task": false}
figure = go.Figure(go.Scatter(x=alphas, y=values, mode="lines+markers"))
figure.update_layout(template="lam", height=360, xaxis_title="α", yaxis_title="detector (amount of edges)")
figure

# %% [markdown]
# The curve climbs, and is flat at the end: less than a third of a pixel of blur hardly changes the picture any more. There
# the detector has **saturated**. What made the window happened earlier on the way, and the gradient at the sharp picture,
# which is what most tools show, was taken where nothing happens. Compute that gradient; part 3 will add up those of the
# whole way.


# %% nbgrader={"grade": false, "grade_id": "gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient(picture):
    """Return the derivative of the detector by every pixel of the picture: a tensor (3, y, x)."""
    ### BEGIN SOLUTION
    batch = picture.detach()[None].clone().requires_grad_()
    (found,) = torch.autograd.grad(detector(network(batch)).sum(), batch)
    return found[0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gradient-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
slope = gradient(image)
assert slope.shape == image.shape, (
    f"gradient: got shape {tuple(slope.shape)}, expected the picture's {tuple(image.shape)}"
)
### BEGIN HIDDEN TESTS
peer = given.ready(network, image, region).gradient
for name, shown in (("the picture", image), ("the blurred picture", path(0.0))):
    right, got = peer(shown), torch.as_tensor(gradient(shown)).detach()
    off = float((got - right).abs().max() / right.abs().max())
    assert off < 1e-3, (
        f"gradient: at {name} it is off by {off:.1%} of its largest value: take the derivative of detector(network(batch)) "
        "by the picture that is given, once, and scale nothing"
    )
assert "lam" not in gradient.__code__.co_names, "gradient: written with lam_nb's own verb; write it with torch.autograd"
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2 · The blur path and its velocity (20 minutes)
#
# γ(α) is the picture filtered by a Gaussian whose σ falls from 1.2 to 0. The kernel on offsets −4 … 4 is
# exp(−(i² + j²) / 2σ²), divided by its sum; take σ + 10⁻⁵ so that σ = 0 gives a single 1 in the middle. Borders are
# mirrored (`functional.pad(..., mode="reflect")`).

# %% nbgrader={"grade": false, "grade_id": "blur-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
network, image, region = given.scene(student)  # anew, as at the beginning of each part


# %% nbgrader={"grade": false, "grade_id": "kernel", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kernel(sigma):
    """Return the Gaussian kernel, a tensor (9, 9) in float64, its sum 1."""
    ### BEGIN SOLUTION
    steps = torch.arange(-4, 5, dtype=torch.float64)
    squares = steps[:, None] ** 2 + steps[None] ** 2
    weights = torch.exp(-squares / (2 * (sigma + 1e-5) ** 2))
    return weights / weights.sum()
    ### END SOLUTION


def blur(alpha, picture=image, sigma=1.2):
    """Return the picture at alpha on the blur path: a tensor (3, y, x), float32."""
    ### BEGIN SOLUTION
    padded = functional.pad(picture.double()[:, None], (4, 4, 4, 4), mode="reflect")
    return functional.conv2d(padded, kernel(sigma * (1 - alpha))[None, None])[:, 0].float()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "blur-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
assert kernel(0.8).shape == (9, 9), f"kernel: got shape {tuple(kernel(0.8).shape)}, expected (9, 9), offsets −4 … 4"
assert abs(float(kernel(0.8).sum()) - 1) < 1e-9, f"kernel: its sum is {float(kernel(0.8).sum()):.6f}, expected 1"
assert blur(0.4).shape == image.shape, (
    f"blur: got shape {tuple(blur(0.4).shape)}, expected {tuple(image.shape)}: mirror the borders"
)
assert torch.allclose(blur(1.0), image, atol=1e-6), "blur: the path should end at the picture; is σ nothing at α = 1?"
### BEGIN HIDDEN TESTS
peer = given.ready(network, image, region).blur
for alpha in (0.0, 0.3, 0.8):
    off = float((blur(alpha) - peer(alpha)).abs().max())
    assert off < 1e-4, (
        f"blur: at α = {alpha} it is off by {off:.4f} (of 1), expected less than 0.0001: σ falls as 1.2 · (1 − α), "
        "and borders are mirrored without repeating the edge"
    )
middle = float(kernel(0.0)[4, 4])
assert abs(middle - 1) < 1e-9, f"kernel: got {middle:.4f} in the middle at σ = 0, expected 1: add 10⁻⁵ to σ"
assert "lam" not in blur.__code__.co_names, "blur: written with lam_nb's own path; write it with torch"
### END HIDDEN TESTS

# %% [markdown]
# How fast does the picture change? The velocity ∂γ/∂α can be had by a difference of neighbours on the path. So that it
# does not hang on your blur, take `ready.blur(alpha)`: it does what `blur` should.

# %% nbgrader={"grade": false, "grade_id": "velocity-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
network, image, region = given.scene(student)  # anew
ready = given.ready(network, image, region)  # response, gradient, blur, velocity, as they should be


# %% nbgrader={"grade": false, "grade_id": "velocity", "locked": false, "schema_version": 3, "solution": true, "task": false}
def velocity(alpha, step=1e-3):
    """Return ∂γ/∂α of the blur path of `image`, (3, y, x), by a central difference; one-sided at the ends."""
    ### BEGIN SOLUTION
    low, high = max(alpha - step, 0.0), min(alpha + step, 1.0)
    return (ready.blur(high) - ready.blur(low)) / (high - low)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "velocity-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
assert velocity(0.5).shape == image.shape, (
    f"velocity: got shape {tuple(velocity(0.5).shape)}, expected {tuple(image.shape)}"
)
assert abs(float(velocity(0.5).mean())) < 0.1, "velocity: blur moves light and makes none; its mean should be near 0"
### BEGIN HIDDEN TESTS
peer = given.ready(network, image, region)
exact = peer.velocity(0.5)
off = float((velocity(0.5) - exact).abs().max() / exact.abs().max())
assert off < 0.03, (
    f"velocity: at α = 0.5 it is off by {off:.0%} of its largest value: divide the difference by the α between both ends"
)
missed = float((sum(velocity((k + 0.5) / 50) / 50 for k in range(50)) - (image - peer.blur(0.0))).abs().max())
assert missed < 0.02, (
    f"velocity: added up over the way it misses the change of the picture by {missed:.3f}: is it one-sided at the ends?"
)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "velocity-plot", "locked": true, "schema_version": 3, "solution": false, "task": false}
at = np.linspace(0.02, 0.98, 25)
figure = go.Figure(go.Scatter(x=at, y=[float(velocity(a).abs().sum()) for a in at], mode="lines+markers"))
figure.update_layout(template="lam", height=320, xaxis_title="α", yaxis_title="how fast the picture changes")
figure

# %% [markdown]
# ## Part 3 · The integral (20 minutes)
#
# LAM = ∫ (∂D/∂γ) · (∂γ/∂α) dα, pixel by pixel. Take the midpoint rule: `steps` equal intervals of α, gradient and velocity
# in the middle of each, mean over the intervals.
#
# This part starts anew: `ready.gradient(picture)`, `ready.blur(alpha)`, `ready.velocity(alpha)` and
# `ready.response(path, alphas)` do what yours of parts 1 and 2 should. Use those; then a mistake above costs nothing here.

# %% nbgrader={"grade": false, "grade_id": "integral-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
network, image, region = given.scene(student)  # anew
ready = given.ready(network, image, region)


# %% nbgrader={"grade": false, "grade_id": "integral", "locked": false, "schema_version": 3, "solution": true, "task": false}
def attribution_map(steps):
    """Return the local attribution map of `image`, a tensor (3, y, x)."""
    ### BEGIN SOLUTION
    middles = (np.arange(steps) + 0.5) / steps
    return sum(ready.gradient(ready.blur(a)) * ready.velocity(a) for a in map(float, middles)) / steps
    ### END SOLUTION


def completeness_gap(found):
    """Return (sum of the map − what the detector gained from start to end) / what it gained."""
    ### BEGIN SOLUTION
    start, end = ready.response(ready.blur, [0.0, 1.0])
    return (float(found.sum()) - (end - start)) / (end - start)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "integral-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
mine = attribution_map(40)
assert mine.shape == image.shape, f"attribution_map: got shape {tuple(mine.shape)}, expected {tuple(image.shape)}"
print(f"completeness gap {completeness_gap(mine):+.2%}")
assert abs(completeness_gap(mine)) < 0.2, (
    f"the map's sum misses what the detector gained by {completeness_gap(mine):+.0%}, expected less than 20 %; "
    "is each step gradient times velocity, at the middle of its interval, and the whole their mean?"
)
### BEGIN HIDDEN TESTS
peer = lam.attribute(network, image, region, rule="midpoint", steps=40, keep="map", progress=False)
peer = peer.attribution.values
off = np.abs(torch.as_tensor(mine).detach().numpy() - peer).sum() / np.abs(peer).sum()
assert off < 0.03, (
    f"attribution_map: its gap is small, but the map is off by {off:.0%}: pixel by pixel, gradient times velocity, "
    "both at the same α, in the middle of each interval"
)
nothing = completeness_gap(torch.zeros_like(image))
assert np.isclose(nothing, -1), (
    f"completeness_gap: got {nothing:+.2f} of a map of zeros, expected −1, all is missing: divide by what the detector gained"
)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "integral-plot", "locked": true, "schema_version": 3, "solution": false, "task": false}
views.attribution(lam.attribute(network, image, region, progress=False))  # yours should look like this one

# %% [markdown]
# ## Part 4 · Gini and the diffusion index (15 minutes)
#
# Sum the map over colours, take magnitudes aᵢ of all n pixels. The Gini coefficient is Σᵢ Σⱼ |aᵢ − aⱼ| / (2 n² ā): 0 when
# all count the same, near 1 when one counts alone. The diffusion index is (1 − Gini) · 100.
#
# For 2,304 pixels the double sum has five million terms; sorted values need one sum only: Σₖ (2k − n − 1) a₍ₖ₎ / (n Σ a),
# k = 1 … n from the smallest to the largest.

# %% nbgrader={"grade": false, "grade_id": "gini-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
network, image, region = given.scene(student)


# %% nbgrader={"grade": false, "grade_id": "gini", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gini(values):
    """Return the Gini coefficient of an array of magnitudes."""
    ### BEGIN SOLUTION
    ordered = np.sort(np.ravel(values))
    n = len(ordered)
    return float(((2 * np.arange(1, n + 1) - n - 1) * ordered).sum() / (n * ordered.sum()))
    ### END SOLUTION


def diffusion_index(found):
    """Return the diffusion index of a map (3, y, x), a tensor."""
    ### BEGIN SOLUTION
    return (1 - gini(np.abs(np.asarray(found).sum(0)))) * 100
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gini-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
assert abs(gini(np.ones(10))) < 1e-12, f"gini: got {gini(np.ones(10)):.4f} of ten equal values, expected 0"
assert abs(gini(np.array([0, 0, 0, 1.0])) - 0.75) < 1e-12, (
    f"gini: got {gini(np.array([0, 0, 0, 1.0])):.4f} where one of four counts alone, expected 1 − 1/4 = 0.75"
)
peer = lam.attribute(network, image, region, steps=8, keep="map", progress=False)  # a map, whatever became of part 3
found = torch.from_numpy(peer.attribution.values)
print(f"diffusion index {diffusion_index(found):.2f}")
### BEGIN HIDDEN TESTS
values = given.random(student, "gini").random(50)
double = np.abs(values[:, None] - values[None]).sum() / (2 * 50**2 * values.mean())
assert np.isclose(gini(values), double), (
    f"gini: got {gini(values):.4f} of 50 unsorted numbers, expected {double:.4f} by the double sum: sort them first"
)
right, got = float(peer.lam.diffusion_index()), diffusion_index(found)
assert np.isclose(got, right, rtol=1e-3), (
    f"diffusion_index: got {got:.3f}, expected {right:.3f}: sum over colours first, then magnitudes, then (1 − Gini) · 100"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 5 · Which network uses attention? (20 minutes)
#
# Three networks, ×4, trained alike. One of them has non-local attention: every output pixel may draw on the *whole*
# picture. The others are plain convolutions that see at most 19 input pixels to each side.
# You get their maps of one window (16 × 16 output pixels, which are 4 × 4 input pixels; another picture than yours above),
# and nothing else. Which one is it?

# %% nbgrader={"grade": false, "grade_id": "maps", "locked": true, "schema_version": 3, "solution": false, "task": false}
maps = given.unnamed(student)  # letter -> Dataset with the map and the window's middle, `middle_y` and `middle_x`
print({letter: round(float(ds.lam.diffusion_index()), 2) for letter, ds in maps.items()})
figure = make_subplots(rows=1, cols=3, subplot_titles=[f"network {letter}" for letter in maps])
for k, ds in enumerate(maps.values()):
    values = ds.lam.signed().values
    shown = np.sign(values) * (np.abs(values) / np.abs(values).max()) ** 0.25
    heat = go.Heatmap(z=shown, colorscale="RdBu_r", zmin=-1, zmax=1, colorbar_title="fourth root<br>of the map")
    figure.add_trace(heat, row=1, col=k + 1)
    figure.update_yaxes(autorange="reversed", scaleanchor="x" if k == 0 else f"x{k + 1}", row=1, col=k + 1)
figure.update_xaxes(title="x (input px)", constrain="domain").update_yaxes(title="y (input px)", col=1)
figure.update_layout(height=380, width=1000, template="lam")
figure

# %% [markdown]
# Find a number that singles it out: large for the network with attention, small for the others. `evidence` maps each
# letter to that number, `answer` is the letter.


# %% nbgrader={"grade": false, "grade_id": "unmask", "locked": false, "schema_version": 3, "solution": true, "task": false}
def far_share(ds, distance=22):
    """Return the share of the map's magnitude more than `distance` input pixels from the window's middle.

    A pixel is that far if its rows or its columns are: the larger of both distances counts.
    """
    ### BEGIN SOLUTION
    used = ds.lam.magnitude()
    far = np.maximum(abs(ds.y - ds.middle_y), abs(ds.x - ds.middle_x)) > distance
    return float(used.where(far).sum() / used.sum())
    ### END SOLUTION


evidence, answer = {}, ""
### BEGIN SOLUTION
evidence = {letter: far_share(ds) for letter, ds in maps.items()}
answer = max(evidence, key=evidence.get)
### END SOLUTION
evidence, answer

# %% nbgrader={"grade": true, "grade_id": "unmask-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
assert set(evidence) == {"A", "B", "C"}, f"evidence: got {sorted(evidence)}, expected a number for each of A, B, C"
assert answer in evidence, f"answer: got {answer!r}, expected one of A, B, C"
assert evidence[answer] == max(evidence.values()), (
    f"answer: got {answer}, but your evidence is largest for {max(evidence, key=evidence.get)}: {evidence}"
)
### BEGIN HIDDEN TESTS
import csv
import pathlib

here = pathlib.Path.cwd()
keys = next(folder / "key.csv" for folder in (here, *here.parents) if (folder / "key.csv").exists())
rows = [row for row in csv.DictReader(keys.read_text().splitlines()) if row["unit"] == "attribution"]
right = rows[given.case(student, len(rows))]["answer"]
assert answer == right, (
    f"answer: got {answer}, and it is another: which map is not exactly zero farther than any plain network sees?"
)
shares = [far_share(maps["A"], distance) for distance in (-1, 4, 10, 20)]
assert np.isclose(shares[0], 1), f"far_share: got {shares[0]:.3f} farther than −1 px, expected 1, the whole map"
assert shares == sorted(shares, reverse=True), (
    f"far_share: got {shares} farther than −1, 4, 10, 20 px; it should fall with distance"
)
spot = maps["A"].assign(attribution=xr.zeros_like(maps["A"].attribution))
spot.attribution[0, 0, 24] = 1.0  # far in rows, near in columns
got = far_share(spot, 10)
assert np.isclose(got, 1), (
    f"far_share: got {got:.2f} of a map with one pixel at the upper border, expected 1: the larger of both distances counts"
)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": true, "grade_id": "defence", "locked": false, "points": 5, "schema_version": 3, "solution": true, "task": false}
# **Defend your answer** in three sentences: which number singles the network out, why a network without attention cannot
# have it, and what could make you wrong.
#
# ### BEGIN SOLUTION
# Share of the map far from the window: some thousandths to a hundredth for the network with attention,
# exactly nothing for the others: a convolutional network's map is zero outside its receptive field, whatever it learned.
# A picture without distant structure, a window near the border or too coarse an integration could hide it; so could
# comparing maps on canvases of different size.
# ### END SOLUTION
