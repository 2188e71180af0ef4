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
# # What helped, what is known, which weights do it?
#
# Four parts, about 90 minutes. An attribution map says what an output was made of. Here you ask what was *good* for it,
# by changing one thing and measuring; what features know of a picture that nobody told them; and which few weights carry
# a skill.
#
# Each part has a goal, a **prediction** that you make before you compute (any prediction gets the point; a wrong one that
# surprises you is worth more than a right one), a task with its check, and a question to answer in your own words. Write
# code where it says `YOUR CODE HERE` and delete the line `raise NotImplementedError()`. Cells with `assert` check your answer
# and say what is wrong; more checks run when the exercise is graded. Parts stand alone. No GPU needed.
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
from plotly.subplots import make_subplots

import lam_nb as lam
from lam_nb import views

torch.set_num_threads(min(2, torch.get_num_threads()))

# %% [markdown]
# ## Part 1 · Swap a block (25 minutes)
#
# **Goal**: measure a cause. Replace one block of 2 × 2 input pixels by a piece of another photograph, run the network
# again, and see how many dB the window's restoration loses. What you changed is the only thing that changed, so the loss
# is due to it (Hu et al., arXiv 2407.19789).
#
# `residual` enlarges fourfold. Its output at one place depends on 19 input pixels to each side, and on no others.

# %% nbgrader={"grade": false, "grade_id": "swap-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
network, image, region = given.scene(student, "residual", size=32)  # picture (3, 48, 48); window 32 × 32 output pixels
sharp = given.truth(student)  # what the picture was shrunk from, (3, 192, 192), RGB in [0, 1]
top, left = region.y // 4, region.x // 4  # where the window begins, in input pixels
patches = given.patches(student)  # (20, 3, 2, 2)
views.attribution(lam.attribute(network, image, region, progress=False))

# %% [markdown]
# **Predict**: does the block just above the window help its restoration, harm it, or do nothing? And the block in the lower right
# corner of the picture, farther away than the network sees? `predicted` takes "helps", "harms" or "nothing" for each.

# %% nbgrader={"grade": false, "grade_id": "swap-prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
predicted = {"above": "", "corner": ""}
### BEGIN SOLUTION
predicted = {"above": "helps", "corner": "nothing"}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "swap-prediction-test", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert set(predicted) == {"above", "corner"}, f"predicted: got {sorted(predicted)}, expected 'above' and 'corner'"
assert set(predicted.values()) <= {"helps", "harms", "nothing"}, (
    f"predicted: got {predicted}, expected one of 'helps', 'harms', 'nothing' for each"
)

# %% [markdown]
# **Task.** Three functions. The quality is the peak signal-to-noise ratio of the window, in dB: −10 · log₁₀ of the mean
# squared difference between the network's output, clipped to [0, 1], and the truth `sharp`. The effect of a block is the quality of
# the picture as it is, less the mean quality over all swaps; so it is positive where the block helps. Its standard error
# is the standard deviation over the swaps (of a sample: n − 1 below) divided by √n.


# %% nbgrader={"grade": false, "grade_id": "swap", "locked": false, "schema_version": 3, "solution": true, "task": false}
def swapped(picture, y, x, patch):
    """Return a copy of the picture in which the patch lies with its upper left corner at (y, x)."""
    ### BEGIN SOLUTION
    made = picture.clone()
    made[:, y : y + patch.shape[-2], x : x + patch.shape[-1]] = patch
    return made
    ### END SOLUTION


def quality(picture):
    """Return the PSNR of the window when the network is shown the picture, (3, y, x), in dB."""
    ### BEGIN SOLUTION
    rows, columns = region.slices
    with torch.no_grad():
        output = network(picture[None])[0].clamp(0, 1)
    error = ((output - sharp)[:, rows, columns] ** 2).mean()
    return float(-10 * torch.log10(error))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "swap-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
made = swapped(image, 3, 5, patches[0])
assert made is not image and torch.equal(image, given.picture(student)), (
    "swapped: the picture itself was changed; work on a copy, picture.clone()"
)
assert torch.equal(made[:, 3:5, 5:7], patches[0]), "swapped: rows 3 and 4, columns 5 and 6 should be the patch"
print(f"quality {quality(image):.2f} dB")
assert 15 < quality(image) < 60, f"quality: got {quality(image):.1f}, expected some 25 to 45 dB: window against window"
### BEGIN HIDDEN TESTS
assert int((made != image).any(0).sum()) <= 4, "swapped: more than the block's four pixels differ"
image, region = given.picture(student), given.window(student, 32)
rows, columns = region.slices
with torch.no_grad():
    right = lam.images.psnr(network(image[None])[0][:, rows, columns], sharp[:, rows, columns])
assert abs(quality(image) - right) < 0.01, (
    f"quality: got {quality(image):.3f} dB, expected {right:.3f}: mean over the window's pixels and colours, no others"
)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "effect", "locked": false, "schema_version": 3, "solution": true, "task": false}
def effect(y, x, patches):
    """Return the mean effect of the block at (y, x) over the patches, in dB, and its standard error."""
    ### BEGIN SOLUTION
    found = np.array([quality(image) - quality(swapped(image, y, x, patch)) for patch in patches])
    return found.mean(), found.std(ddof=1) / np.sqrt(len(found))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "effect-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
places = {"above": (top - 2, left + 2), "corner": (46, 46)}
measured = {name: effect(y, x, patches) for name, (y, x) in places.items()}
for name, (mean, error) in measured.items():
    print(f"{name}: {mean:+.3f} ± {error:.3f} dB; you said that it {predicted[name]}")
assert measured["above"][1] > 0, "effect: a standard error of swaps that differ is not 0: give the mean and its error"
assert measured["corner"] == (0, 0), (
    f"effect: got {measured['corner']} of a corner that the network cannot see, expected exactly (0, 0)"
)
### BEGIN HIDDEN TESTS
y, x = places["above"]
rows, columns = region.slices


def checked(picture):
    with torch.no_grad():
        return lam.images.psnr(network(picture[None])[0][:, rows, columns], sharp[:, rows, columns])


each = []
for patch in patches:
    other = image.clone()
    other[:, y : y + 2, x : x + 2] = patch
    each.append(checked(image) - checked(other))
right = np.mean(each), np.std(each, ddof=1) / np.sqrt(len(each))
assert np.isclose(measured["above"][0], right[0], atol=1e-3), (
    f"effect: got a mean of {measured['above'][0]:+.4f} dB, expected {right[0]:+.4f}: quality without the swap less that with it"
)
assert np.isclose(measured["above"][1], right[1], rtol=0.01, atol=1e-5), (
    f"effect: got a standard error of {measured['above'][1]:.4f}, expected {right[1]:.4f}: deviation with n − 1, over √n"
)
### END HIDDEN TESTS

# %% [markdown]
# ## Part 2 · Cause beside attribution (20 minutes)
#
# **Goal**: tell apart what is used and what helps. Below, the same for every block of the picture: few swaps where they
# change nothing, up to ten elsewhere. Beside it, the attribution map of the same window.
#
# **Predict** before you run the map: how large is the rank correlation of both over blocks? "high" is above 0.8, "middling" from
# 0.3 to 0.8, "low" below.

# %% nbgrader={"grade": false, "grade_id": "agreement-prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
predicted_agreement = ""
### BEGIN SOLUTION
predicted_agreement = "middling"
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "agreement-prediction-test", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert predicted_agreement in ("high", "middling", "low"), (
    f"predicted_agreement: got {predicted_agreement!r}, expected 'high', 'middling' or 'low'"
)

# %% nbgrader={"grade": false, "grade_id": "cause-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
network, image, region = given.scene(student, "residual", size=32)
sharp = given.truth(student)
settings = {"reference": sharp, "se": 0.05, "fine": 10, "progress": False}
cem = lam.causal_effect(network, image, region, **settings)  # effect and standard_error, (block_y, block_x)
attributed = lam.attribute(network, image, region, progress=False)
views.causal(cem, attribution=attributed)

# %% [markdown]
# **Task.** (a) Count blocks whose sign is beyond doubt: more than two standard errors from nothing. Blocks of the window
# itself are NaN and count as neither. (b) Sum the attribution's magnitude over each block of 2 × 2 pixels, and correlate
# it with |effect| by ranks, over the blocks where one of them is not zero: the correlation (`np.corrcoef`) of
# `given.ranks` of both is Spearman's.


# %% nbgrader={"grade": false, "grade_id": "cause", "locked": false, "schema_version": 3, "solution": true, "task": false}
def surely(effect, standard_error):
    """Return how many blocks surely help, and how many surely harm: two whole numbers."""
    ### BEGIN SOLUTION
    sure = abs(effect) > 2 * standard_error  # NaN is larger than nothing
    return int((sure & (effect > 0)).sum()), int((sure & (effect < 0)).sum())
    ### END SOLUTION


def block_sums(values):
    """Return sums over blocks of 2 × 2: an array (y / 2, x / 2) of an array (y, x)."""
    ### BEGIN SOLUTION
    y, x = values.shape
    return values.reshape(y // 2, 2, x // 2, 2).sum((1, 3))
    ### END SOLUTION


def agreement(effect, used):
    """Return Spearman's correlation of |effect| and the attribution of blocks, where one of them is not zero."""
    ### BEGIN SOLUTION
    known = np.isfinite(effect) & ((effect != 0) | (used != 0))
    return float(np.corrcoef(given.ranks(abs(effect[known])), given.ranks(used[known]))[0, 1])
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cause-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
effects, errors = cem.effect.values, cem.standard_error.values
counts = surely(effects, errors)
assert len(counts) == 2, f"surely: got {counts!r}, expected two numbers, helps and harms"
toy = surely(np.array([1.0, -1.0, 0.1, np.nan]), np.array([0.1, 0.1, 0.1, np.nan]))
assert tuple(toy) == (1, 1), f"surely: got {toy} of effects 1, −1, 0.1, NaN with errors 0.1, expected (1, 1)"
used = block_sums(attributed.lam.magnitude().values)
assert used.shape == effects.shape, f"block_sums: got shape {used.shape}, expected that of the blocks, {effects.shape}"
print(f"{counts[0]} blocks surely help, {counts[1]} surely harm")
print(f"agreement {agreement(effects, used):.2f}; you said {predicted_agreement}")
### BEGIN HIDDEN TESTS
sure = np.abs(np.nan_to_num(effects)) > 2 * np.nan_to_num(errors)
right = int((sure & (effects > 0)).sum()), int((sure & (effects < 0)).sum())
assert tuple(counts) == right, f"surely: got {tuple(counts)}, expected {right}: |effect| more than two standard errors"
one = np.arange(24.0).reshape(4, 6)
assert np.array_equal(block_sums(one), [[14, 22, 30], [62, 70, 78]]), (
    f"block_sums: got {np.asarray(block_sums(one)).tolist()} of the numbers 0 to 23 in four rows, expected [[14, 22, 30], [62, 70, 78]]"
)
right, got = float(lam.statistics.causal_agreement(cem, attributed)), agreement(effects, used)
assert np.isclose(got, right, atol=1e-3), (
    f"agreement: got {got:.3f}, expected {right:.3f}: leave out NaN and blocks where both are zero, take |effect|, then ranks"
)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": true, "grade_id": "cause-question", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# **Explain** in three sentences: how can a block have a large attribution and no effect, how can it have a negative effect,
# and why do both maps end at the same distance from the window?
#
# ### BEGIN SOLUTION
# The network may read pixels that other pixels tell as well: their content changes the output on the way from blur to
# sharp, but a patch there hardly changes the error. A block harms when what it shows misleads, such as a pattern that the network continues
# into the window where it does not belong. Both are zero outside the receptive field: what is not connected is neither
# used nor a cause.
# ### END SOLUTION

# %% [markdown]
# ## Part 3 · What do features know? (20 minutes)
#
# **Goal**: measure what groups features make. Eight pictures, each clean, blurred (σ = 2) and noisy (σ = 0.1), went through
# two networks of one structure, trained alike on clean pictures only. `A` and `B` are their features after the first and
# after a deep layer, as 20 principal components. One of them adds its output to the enlarged input (a **global residual**),
# the other makes the picture from nothing.
#
# **Predict**: in the first layer, and in a deep one of the network with the residual: do samples gather by "content" (the same picture
# together) or by "degradation" (all blurred ones together)?

# %% nbgrader={"grade": false, "grade_id": "features-prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
predicted_groups = {"first": "", "deep": ""}
### BEGIN SOLUTION
predicted_groups = {"first": "content", "deep": "degradation"}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "features-prediction-test", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert set(predicted_groups) == {"first", "deep"}, (
    f"predicted_groups: got {sorted(predicted_groups)}, expected 'first', 'deep'"
)
assert set(predicted_groups.values()) <= {"content", "degradation"}, (
    f"predicted_groups: got {predicted_groups}, expected 'content' or 'degradation' for each"
)

# %% nbgrader={"grade": false, "grade_id": "features-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
features = given.unnamed(student)  # letter -> Dataset: projection (layer, sample, component), content, degradation
figure = make_subplots(rows=1, cols=2, subplot_titles=[f"network {letter}, deep layer" for letter in features])
looks = {"clean": ("#0072b2", "circle"), "blur": ("#e69f00", "square"), "noise": ("#009e73", "diamond")}
for k, ds in enumerate(features.values()):
    for name, (colour, symbol) in looks.items():
        points = ds.projection.sel(layer="deep").values[ds.degradation.values == name]
        texts = [one.split()[-1] for one in ds.content.values[ds.degradation.values == name]]
        look = {"mode": "markers+text", "text": texts, "textposition": "top center"}
        look |= {"marker_color": colour, "marker_symbol": symbol, "marker_size": 9}
        dots = go.Scatter(x=points[:, 0], y=points[:, 1], name=name, showlegend=k == 0, **look)
        figure.add_trace(dots, row=1, col=k + 1)
figure.update_xaxes(title="first component").update_yaxes(title="second component", col=1)
figure.update_layout(height=440, width=1000, template="lam", legend_title="number: picture")
figure

# %% [markdown]
# **Task.** The Caliński–Harabasz index asks how far groups lie apart, beside how wide they are:
# (B / (k − 1)) / (W / (n − k)), for n points in k groups. W adds the squared distances of points from their group's mean, B those of group means from
# the mean of all, each as often as the group has points. About 1 by chance, larger for groups that stand apart.
#
# Then tell which letter has the global residual: `evidence` maps each letter to a number that is larger for it, `answer` is the letter. (Liu et
# al., arXiv 2108.00406, found which kind gathers by degradation; think before you look it up: what is left for a network
# to compute when the enlarged picture is added at the end?)


# %% nbgrader={"grade": false, "grade_id": "features", "locked": false, "schema_version": 3, "solution": true, "task": false}
def calinski_harabasz(points, labels):
    """Return the index of points (n, axes) with labels (n,)."""
    ### BEGIN SOLUTION
    middle, kinds = points.mean(0), np.unique(labels)
    between = within = 0.0
    for kind in kinds:
        group = points[labels == kind]
        between += len(group) * ((group.mean(0) - middle) ** 2).sum()
        within += ((group - group.mean(0)) ** 2).sum()
    return float((between / (len(kinds) - 1)) / (within / (len(points) - len(kinds))))
    ### END SOLUTION


evidence, answer = {}, ""
### BEGIN SOLUTION
evidence = {
    letter: calinski_harabasz(ds.projection.sel(layer="deep").values, ds.degradation.values)
    for letter, ds in features.items()
}
answer = max(evidence, key=evidence.get)
### END SOLUTION
evidence, answer

# %% nbgrader={"grade": true, "grade_id": "index-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
toy = calinski_harabasz(np.array([[0.0], [2.0], [10.0], [12.0]]), np.array(["a", "a", "b", "b"]))
assert np.isclose(toy, 50), (
    f"calinski_harabasz: got {toy:.3f} of 0, 2 and 10, 12, expected 50: B = 100, W = 4, n = 4, k = 2"
)
for letter, ds in features.items():
    for layer in ds.layer.values:
        points = ds.projection.sel(layer=layer).values
        told = [f"by {by} {calinski_harabasz(points, ds[by].values):.2f}" for by in ("content", "degradation")]
        print(f"network {letter}, {layer} layer: {', '.join(told)}")
print(f"you said {predicted_groups}")
### BEGIN HIDDEN TESTS
source = given.random(student, "index")
points, labels = source.normal(size=(30, 4)), source.permutation(np.repeat(["a", "b", "c"], (6, 9, 15)))
right = lam.statistics.groups.calinski_harabasz(points, np.unique(labels, return_inverse=True)[1])
got = calinski_harabasz(points, labels)
assert np.isclose(got, right), (
    f"calinski_harabasz: got {got:.4f} of groups of 6, 9 and 15 points, expected {right:.4f}: each group's mean counts as often as it has points"
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "residual-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
assert set(evidence) == {"A", "B"}, f"evidence: got {sorted(evidence)}, expected a number for each of A, B"
assert answer in evidence, f"answer: got {answer!r}, expected A or B"
assert evidence[answer] == max(evidence.values()), (
    f"answer: got {answer}, but your evidence is larger for the other: {evidence}"
)
### BEGIN HIDDEN TESTS
import csv
import pathlib

here = pathlib.Path.cwd()
keys = next(folder / "key.csv" for folder in (here, *here.parents) if (folder / "key.csv").exists())
rows = [row for row in csv.DictReader(keys.read_text().splitlines()) if row["unit"] == "cause"]
right = rows[given.case(student, len(rows))]["answer"]
assert answer == right, (
    f"answer: got {answer}, and it is the other: what is left to compute when the enlarged picture is added at the end?"
)
### END HIDDEN TESTS

# %% [markdown] nbgrader={"grade": true, "grade_id": "features-question", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# **Explain** in three sentences: why could features of a network with a global residual gather by degradation although
# nobody told it of any; what does the index not say about the pictures it makes; and what would you check before you wrote
# "deep features know the degradation" in a paper?
#
# ### BEGIN SOLUTION
# What the picture shows comes through the residual, so features hold what must be added to it, and that is different for
# blurred and noisy input whatever it shows. The index is about features and not about quality: this network is no better at
# removing blur. To check: more pictures, an interval over them, what chance gives (labels permuted), other
# layers, another network of the same kind.
# ### END SOLUTION

# %% [markdown]
# ## Part 4 · Which weights do it? (25 minutes)
#
# **Goal**: attribute a skill to weights. `srresnet-residual-mse` enlarges clean pictures. Fine-tuned on blur and noise it became
# `srresnet-residual-restoring`, and all of its 54,291 parameters moved. Walk straight from the old ones θ̄ to the new ones θ: what a
# parameter adds to the change of the loss L is ∫ ∂L/∂θ(α) · (θ − θ̄) dα, an attribution as in the first unit, in
# another space (Xie et al., NeurIPS 2021).
#
# **Predict**: of all kernels (3 × 3 slices) take the one per cent with the highest scores for blur, and give them their
# old values back. How much of what fine-tuning gained on blurred pictures is lost: "little" (below 20 %), "half" (20 to
# 70 %) or "most"? And when it is one per cent at random?

# %% nbgrader={"grade": false, "grade_id": "kernels-prediction", "locked": false, "schema_version": 3, "solution": true, "task": false}
predicted_loss = {"highest": "", "random": ""}
### BEGIN SOLUTION
predicted_loss = {"highest": "most", "random": "little"}
### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "kernels-prediction-test", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert set(predicted_loss) == {"highest", "random"}, (
    f"predicted_loss: got {sorted(predicted_loss)}, expected 'highest', 'random'"
)
assert set(predicted_loss.values()) <= {"little", "half", "most"}, (
    f"predicted_loss: got {predicted_loss}, expected 'little', 'half' or 'most' for each"
)

# %% nbgrader={"grade": false, "grade_id": "kernels-given", "locked": true, "schema_version": 3, "solution": false, "task": false}
names = "srresnet-residual-restoring", "srresnet-residual-mse"  # target, baseline
target, baseline = (lam.networks.load(name).requires_grad_(False) for name in names)
degradations = {"blur": lam.images.Blur(2, taps=21), "noise": lam.images.Noise(0.1)}
pieces = given.pieces(student)
scored, tried = dict(list(pieces.items())[:2]), dict(list(pieces.items())[2:])
walk = given.line(target, baseline, pieces["piece 1"], degradations["blur"])
first = next(iter(walk.before))  # the first convolution's weights
print(f"loss {walk.loss_before:.1f} before, {walk.loss_after:.1f} after fine-tuning")
print(f"{first}: values {walk.before[first].shape}, gradients {walk.gradients[first].shape} in the middle of each step")

# %% [markdown]
# **Task.** (a) `contribution`: the mean gradient over the steps, times how far the parameters moved. (b) By completeness, added
# up over all parameters, with their signs, contributions are the change of the loss; `completeness_gap` is what is
# missed, relative to the change. (c) The score of a kernel is the sum of magnitudes over its 3 × 3 taps.


# %% nbgrader={"grade": false, "grade_id": "kernels", "locked": false, "schema_version": 3, "solution": true, "task": false}
def contribution(before, after, gradients):
    """Return what each parameter adds: an array of the shape of `before`; gradients (steps, …)."""
    ### BEGIN SOLUTION
    return gradients.mean(0) * (after - before)
    ### END SOLUTION


def completeness_gap(contributions, loss_before, loss_after):
    """Return (sum of all contributions − change of the loss) / |change|; contributions: name -> array."""
    ### BEGIN SOLUTION
    change = loss_after - loss_before
    return (sum(float(one.sum()) for one in contributions.values()) - change) / abs(change)
    ### END SOLUTION


def kernel_scores(contributions):
    """Return the scores of a convolution's kernels, (out, in), of its contributions (out, in, 3, 3)."""
    ### BEGIN SOLUTION
    return np.abs(contributions).sum((2, 3))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kernels-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
added = {name: contribution(walk.before[name], walk.after[name], walk.gradients[name]) for name in walk.before}
assert added[first].shape == walk.before[first].shape, (
    f"contribution: got shape {added[first].shape}, expected {walk.before[first].shape}: the mean over steps comes first"
)
gap = completeness_gap(added, walk.loss_before, walk.loss_after)
print(f"completeness gap {gap:+.1%}")
assert abs(gap) < 0.2, (
    f"completeness_gap: got {gap:+.0%}, expected less than 20 % either way: is it after − before, in both?"
)
assert kernel_scores(added[first]).shape == (12, 3), (
    f"kernel_scores: got shape {kernel_scores(added[first]).shape}, expected (12, 3), a number for each output and input"
)
### BEGIN HIDDEN TESTS
toy = contribution(np.array([1.0, 2.0]), np.array([3.0, 1.0]), np.array([[1.0, 4.0], [3.0, 6.0]]))
assert np.allclose(toy, [4, -5]), (
    f"contribution: got {toy} of values 1, 2 that went to 3, 1 with mean gradients 2, 5, expected 4, −5"
)
toy = completeness_gap({"one": np.array([-3.0, 1.0]), "two": np.array([[-4.0]])}, 10.0, 2.0)
assert np.isclose(toy, 0.25), f"completeness_gap: got {toy} of contributions −6 and a change of −8, expected +0.25"
peer = lam.filters(*names, {"one": pieces["piece 1"]}, {"blur": degradations["blur"]}, steps=9, progress=False)
right = peer.score.values[0, : 12 * 3].reshape(12, 3)
assert np.allclose(kernel_scores(added[first]), right, rtol=0.01), (
    "kernel_scores: they are not those of lam.filters: magnitudes first, then the sum over both axes of taps"
)
### END HIDDEN TESTS

# %% [markdown]
# Now the test of the claim. `chosen` holds one per cent of the kernels by their scores for blur (less those for noise),
# from two pieces of photographs, and one per cent at random; `lam.networks.masked` gives them their old values back.
# `psnr_lost` measures, on two other pieces, how many dB that costs.


# %% nbgrader={"grade": false, "grade_id": "masking", "locked": false, "schema_version": 3, "solution": true, "task": false}
def psnr_lost(masked, degradation):
    """Return how many dB `masked` is worse than `target`, in the mean over the pieces `tried`, each degraded.

    A network is shown degradation(lam.images.downscale(piece, 4)) as a batch; lam.images.psnr(output, piece) measures.
    """
    ### BEGIN SOLUTION
    lost = []
    for piece in tried.values():
        shown = degradation(lam.images.downscale(piece, 4))[None]
        with torch.no_grad():
            lost.append(lam.images.psnr(target(shown)[0], piece) - lam.images.psnr(masked(shown)[0], piece))
    return float(np.mean(lost))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "masking-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
scores = lam.filters(*names, scored, degradations, steps=9, progress=False)
chosen = {
    "highest": lam.statistics.top_kernels(scores, "blur"),
    "random": lam.statistics.top_kernels(scores, "blur", by="random"),
}
put_back = {name: lam.networks.masked(*names, kernels) for name, kernels in chosen.items()}
lost = {name: {kind: psnr_lost(net, how) for kind, how in degradations.items()} for name, net in put_back.items()}
gained = {kind: psnr_lost(baseline, how) for kind, how in degradations.items()}
for name, by in lost.items():
    shares = ", ".join(f"{kind} {by[kind]:+.2f} of {gained[kind]:.2f} dB" for kind in by)
    print(f"{int(chosen[name].sum())} kernels, {name}: lost on {shares}; on blur you said {predicted_loss[name]}")
assert psnr_lost(target, degradations["blur"]) == 0, "psnr_lost: of the target itself it should be 0"
assert gained["blur"] > 0, (
    f"psnr_lost: got {gained['blur']:.2f} dB of the baseline, expected more than 0: target less masked"
)
### BEGIN HIDDEN TESTS
right = []
for piece in tried.values():
    shown = degradations["blur"](lam.images.downscale(piece, 4))[None]
    with torch.no_grad():
        right.append(lam.images.psnr(target(shown)[0], piece) - lam.images.psnr(baseline(shown)[0], piece))
assert np.isclose(gained["blur"], np.mean(right), atol=1e-3), (
    f"psnr_lost: got {gained['blur']:.3f} dB of the baseline, expected {np.mean(right):.3f}: the mean over the pieces `tried`"
)
### END HIDDEN TESTS

# %% nbgrader={"grade": false, "grade_id": "masking-plot", "locked": true, "schema_version": 3, "solution": false, "task": false}
figure = go.Figure()
for name, by in lost.items():
    figure.add_trace(go.Bar(x=list(by), y=list(by.values()), name=f"1 % of kernels, {name}"))
figure.add_trace(go.Bar(x=list(gained), y=list(gained.values()), name="all: the baseline"))
figure.update_layout(template="lam", height=360, yaxis_title="lost (dB)", xaxis_title="tried with")
figure

# %% [markdown] nbgrader={"grade": true, "grade_id": "masking-question", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# **Explain** in three sentences: what does the comparison with random kernels show, what follows for noise, and why were
# kernels chosen on other pictures than those they were tried on?
#
# ### BEGIN SOLUTION
# Losing far more than random kernels of the same number do shows that the scores find kernels that the skill hangs on,
# and not that any change does damage. Denoising stays, so these kernels are for blur; one per cent says nothing of how
# denoising is spread. On the same pictures the choice could fit their content, and the loss would say less about others.
# ### END SOLUTION
