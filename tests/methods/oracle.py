"""Every output of the peers beside ours. `python -m tests.methods.oracle` prints the table: entry, difference, tolerance.

Two small random networks, original and altered (the attack in the weights), six scores; names as the peers' calls, with
`def` for definitions that no peer offers. Arrays are in the peers' layout, channels first.
"""

import re
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

import tinyattr as ta
from tests.references import fingerprint, network_of, peers
from tinyattr import scores
from tinyattr.engine import GRADIENT
from tinyattr.methods import differences, lrp_rules, relevance
from tinyattr.methods.gradients import gradient_parts
from tinyattr.methods.heatmap import relu, resize
from tinyattr.methods.path import at
from tinyattr.methods.request import ask
from tinyattr.studies import curves, metrics

SHARED = Path(__file__).parents[3] / "shared" / "oracle"
FILES = {"peers_fc": "oracle_tiny", "peers_gap": "oracle_gap_nobias"}
SCORES = {"pre": "pre", "post": "post", "log": "log", "centred": "centred", "logodds": "log_odds", "rest": "rest"}

NOT_MATCHED = {  # entry (a pattern): why ours differs and is right
    r"captum\.lrp\.(gamma|alpha1beta0)": "bias not modified, negative inputs not split",
    r"jgil\.fullgrad": "min-max channel by channel, before the sum",
}
NOT_OFFERED = r"^metric.*/(kendall|mse)$"  # stored entries that ask for what we do not have
DEFECTS = {  # compared with the peer's own formula, which is not the method's
    r"captum\.ig\.riemann_trapezoid": "weights sum to (N - 1)/N",
    r"captum\.layer_conductance": "left sums of gradient times change; from both ends they average to the trapezoid",
    r"captum\.deeplift": "max-pools pass gradients; softmax loses the classes' mean: not complete",
    r"captum\.deeplift_softmax|shap.*post": "softmax with a multiplier of its own: the attack hijacks it",
    r"jgil\.gradcampp": "eps 1e-6 within a fraction of g^2",
    r"torchcam\.gradcampp": "its division acts on a copy, so w = sum of max(g, 0)^3",
    r"jgil\.ablationcam": "divides by S, which turns the map over where S < 0",
    r"zennit\.gamma0\.25_nobias": "the bias still chooses between the sums it was dropped from",
    r"zennit\.ExcitationBackprop": "biases take a share",
}
TOLERANCES = [  # METHODS section 8: relative to the largest value
    (r"captum\.occlusion", 1e-6, "float32"),
    (r"jgil\.eigen.*raw", 1e-6, "float32"),
    (r"captum\.(ig|layer_ig|layer_conductance|internal_influence|rsi_units|smooth|vargrad|gradient_shap)", 1e-6, "float32 path places"),
    (r"jgil\.(ablationcam|.*\.final)|^metric", 1e-5, "float32"),
    (r"jgil\.(xgradcam|scorecam)|torchcam\.xgradcam", 1e-6, "eps in their quotients"),
    (r"final_authors", 1 / 255, "grey levels, cut off: one level where ours rounds across"),
    (r"captum\.lrp\.epsilon1e-9", 1e-7, "its max-pool and stabiliser divide by z + 1e-9"),
    (r"captum\.deeplift|shap", 1e-6, "eps 1e-6 in their fall-backs"),
    (r"", 1e-9, ""),
]


def rest(z, c):
    """z_c + log y_c, only to compare with peers: it can be shifted as pre can."""
    value, row, log_scale = scores.log(z, c)
    e = scores.one_hot(z, c)
    return value + (z * e).sum(-1), e + row * np.exp(log_scale)[:, None], np.zeros(len(z))


def first(a):
    """(h, w, C) -> (C, h, w)."""
    return a.transpose(2, 0, 1) if a.ndim == 3 else a


def ours(stored, variant, score):
    """(entry, array) for every entry of one network and score that we compute, in the peers' layout."""
    net, x, c = network_of(stored, variant), stored["x"][None], int(stored["target"])
    A, layer, b = None, str(stored["cam_layer"]), stored["baseline"][None]
    request = ask(net, x, c, score)
    tape, scale = request.tape, np.exp(request.log_scale)

    def by(method, **options):
        heat = ta.METHODS[method](net, tape, c, score, **options)
        return first(heat.raw)

    A, g = (first(a) for a in (request.activations(layer), request.gradient(layer)))
    g = g * scale
    yield "score", np.array([ta.SCORES[score](request.z[None], i)[0][0] for i in range(len(request.z))])
    yield "def.A", A
    yield "def.gA", g
    yield from gradients(stored, by, layer, b)
    yield from cams(by, layer, A, g, x, request)
    yield from paths(request, by, layer, b, A)
    yield from covered(stored, by, net, x, c, score)
    yield from full(request, scale)
    yield from deeplifts(request, net, b, by, score)


def gradients(stored, by, layer, b):
    G = by("gradient")
    yield "captum.gradient", G
    yield "captum.saliency_abs", np.abs(G)
    yield "captum.input_x_gradient", by("input_x_gradient")
    noise = stored["smoothgrad_noise"].astype(np.float64)
    yield "captum.smoothgrad", by("smoothgrad", noise=noise)
    yield "captum.smoothgrad_sq", by("smoothgrad_squared", noise=noise)
    yield "captum.vargrad", by("vargrad", noise=noise)
    draws = stored["gshap_ref_index"], stored["gshap_coef"]
    yield "captum.gradient_shap", by("expected_gradients", baselines=list(stored["refs"]), draws=draws)
    guided = by("guided_backprop")
    yield "captum.guided_backprop", guided
    yield "captum.deconvolution", by("deconvnet")
    yield "captum.guided_gradcam.bilinear", by("guided_grad_cam", layer=layer)
    L = relu(by("grad_cam", layer=layer))
    times = guided.shape[1] // L.shape[0]
    yield "captum.guided_gradcam.nearest", guided * np.kron(L, np.ones((times, times)))
    yield "captum.layer_grad_x_act", by("input_x_gradient", layer=layer)
    for rule in ("left", "right", "middle"):
        yield f"captum.ig.riemann_{rule}.20", by("integrated_gradients", baseline=0.0, rule=rule, steps=20)
    # captum's trapezoid of N places has weights that sum to (N - 1)/N
    trapezoid = by("integrated_gradients", baseline=0.0, rule="trapezoid", steps=19)
    yield "captum.ig.riemann_trapezoid.20", trapezoid * 19 / 20
    yield "captum.ig.gausslegendre.50", by("integrated_gradients", baseline=0.0)
    yield "captum.ig_bl.gausslegendre.50", by("integrated_gradients", baseline=b)


def cams(by, layer, A, g, x, request):
    size = x.shape[1:3]
    raw = {
        "gradcam": by("grad_cam", layer=layer), "gradcam_plus": by("grad_cam_plus", layer=layer),
        "gradcam_guided": by("grad_cam_plus", layer=layer, active=True), "hirescam": by("hirescam", layer=layer),
        "layercam": by("layercam", layer=layer), "xgradcam": by("xgrad_cam", layer=layer),
        "gradcampp_eq19": by("grad_cam_plus_plus", layer=layer),
        "gradcampp_code": by("grad_cam_plus_plus", layer=layer, variant="normalised"),
    }
    for name, L in raw.items():
        yield f"def.{name}.raw", L
    yield "captum.layer_gradcam", raw["gradcam"][None]
    yield "captum.layer_gradcam_relu", relu(raw["gradcam"])[None]
    for name in ("gradcam", "xgradcam", "layercam"):
        yield f"torchcam.{name}.relu", relu(raw[name])
    jgil = {name: raw[name] for name in ("gradcam", "xgradcam", "layercam", "hirescam")}
    jgil["gradcam_elementwise"] = relu(g * A).sum(0)
    jgil["eigencam"] = by("eigen_cam", layer=layer, centred=True)
    jgil["eigengradcam"] = by("eigen_cam", layer=layer, centred=True, weighted=True)
    aligned = np.stack([aligned_corners(a, size) for a in A])
    aligned -= aligned.min((1, 2), keepdims=True)
    jgil["scorecam"] = by("score_cam", layer=layer, masks=aligned / (aligned.max((1, 2), keepdims=True) + 1e-8))
    SA = A.sum((1, 2), keepdims=True)
    jgil["gradcampp"] = np.tensordot((g**2 / (2 * g**2 + SA * g**3 + 1e-6) * relu(g)).sum((1, 2)), A, 1)
    yield "torchcam.gradcampp.relu", relu(np.tensordot((relu(g) ** 3).sum((1, 2)), A, 1))
    jgil["ablationcam"] = by("ablation_cam", layer=layer, relative=True)
    for name, L in jgil.items():
        yield f"jgil.{name}.raw", L
        final = shown(L, size, 1e-7)
        yield f"jgil.{name}.final", (final, shown(-L, size, 1e-7)) if "eigen" in name else final
    L = resize(relu(raw["gradcam"]), size)
    yield "def.gradcam.final_authors", np.floor((L - L.min()) / (np.ptp(L) + 1e-8) * 255)
    yield "def.ablationcam_abs.raw", by("ablation_cam", layer=layer)
    without = (request.tape[layer].output * (np.arange(len(A)) != k) for k in range(len(A)))
    yield "def.ablation_drop", request.value - np.array(request.values(without, layer, count=len(A)))


def shown(L, size, eps):
    """pytorch-grad-cam's way from raw to final map: ReLU, min-max, bilinear, min-max again, in float32."""
    def scaled(m):
        m = m - m.min()
        return m / (eps + m.max())
    return scaled(relu(resize(scaled(relu(L)), size)))


def aligned_corners(a, size):
    """Bilinear with the corner pixels' centres on the corners."""
    rows, columns = (np.maximum(1 - np.abs(np.linspace(0, n - 1, N)[:, None] - np.arange(n)), 0)
                     for n, N in zip(a.shape, size, strict=True))
    return rows @ a @ columns.T


def paths(request, by, layer, b, A):
    along = list(request.along((at(b, request.x, m / 20) for m in range(21)), layer, count=21))
    yield "captum.layer_conductance.trap20", first(sum(
        g * np.exp(own) * (after - before) for (before, g, _, own), (after, *_) in pairwise(along)))
    yield "captum.layer_ig.gausslegendre.50", by("layer_integrated_gradients", layer=layer, baseline=b)
    yield "captum.internal_influence.gl50", by("internal_influence", layer=layer, baseline=b)
    units = by("conductance", layer=layer, baseline=b, steps=20)
    yield "captum.rsi_units_from_conductance.20", units
    yield "def.rsi.ig_units", units
    for variant, name in (("plain", "plain"), ("rectified", "relugrad"), ("masked", "mask")):
        L = by("rsi_grad_cam", layer=layer, variant=variant, baseline=b, steps=20)
        yield f"def.rsi.raw_{name}", L
        yield f"def.rsi.w_{name}", np.linalg.lstsq(A.reshape(len(A), -1).T, L.ravel(), rcond=None)[0]
    yield "def.rsi.w_plain", units.mean((1, 2))


def covered(stored, by, net, x, c, score):
    yield "captum.occlusion.w4s2", by("occlusion", window=4, stride=2, baseline=0.0)[None].repeat(3, 0)
    yield "captum.feature_ablation.grid4", by("feature_ablation", groups=stored["grid"], baseline=0.0)[None].repeat(3, 0)
    yield "def.rise", by("rise", masks=stored["rise_masks"], p=0.5)
    L = by("input_x_gradient").sum(0)
    for name, curve in (("deletion", curves.deletion), ("insertion", curves.insertion)):
        s = curve(net, x, L, c, score, baseline=0.0, pixels=x.shape[2])
        yield f"def.{name}_curve", s
        yield f"def.{name}_auc", curves.area(s)


def full(request, scale):
    """FullGrad's terms, and its map as the authors' code adds them up: aligned corners, eps 1e-6."""
    def psi(a):
        a = np.abs(a) - np.abs(a).min()
        return a / (a.max() + 1e-6)
    parts = [first(part) * scale for part in gradient_parts(request).values()]
    for i, part in enumerate(parts):
        yield f"def.fullgrad.term{i}", part
    size = request.x.shape[1:3]
    yield "def.fullgrad.map_idiap", psi(parts[0]).sum(0) + sum(
        aligned_corners(psi(part).sum(0), size) for part in parts[1:] if part.ndim == 3)


def deeplifts(request, net, b, by, score):
    """Ours, and captum's own formulas: gradient routing in max-pools, softmax with a multiplier minus the classes' mean."""
    c = request.target
    for name, base in (("bl", b), ("zero", np.zeros_like(b))):
        reference = net.run(base)
        z, z_b = request.z, net.logits(reference)[0]
        y, y_b = (ta.SCORES["post"](v[None], c)[0][0] for v in (z, z_b))
        routed = dict(zip(("pre", "centred", "log", "rest"), (
            routing(request, reference, ta.SCORES[s](z[None], c)) for s in ("pre", "centred", "log", "rest")), strict=True))
        slope = (y - y_b) / (z[c] - z_b[c])
        if score in ("pre", "centred", "log"):
            yield f"captum.deeplift.{name}", routed[score]
        if score == "post":
            yield f"captum.deeplift.{name}", slope * routed["centred"]
            if name == "bl":
                yield "captum.deeplift_softmax_unnormalised.bl", slope * routed["pre"]
                pre = ta.deeplift(net, request.tape, c, "pre", baseline=base).raw
                yield "shap.deep.bl", slope * first(pre)
        if score == "pre" and name == "bl":
            yield "shap.deep.bl", by("deeplift", baseline=base)
            for v in ("pre", "centred"):
                label = {"pre": "zc"}.get(v, v)
                yield f"/deeplift/def.cross.{label}", first(ta.deeplift(net, request.tape, c, v, baseline=base).raw)
                yield f"/deeplift/def.grad.{label}", routed[v]


def routing(request, reference, scored):
    """Rescale, but a max-pool passes its multiplier to x's maximum, as a gradient."""
    _, row, log_scale = scored
    book = {**GRADIENT, "relu": lambda record, m: differences.slope(reference, record, m)}
    m = request.walked(row, book, "input")
    return first((m * (request.x - reference["input"].output))[0]) * np.exp(log_scale[0])


def relevances(stored, variant):
    """zennit's LRP: every composite from every start; captum's by epsilon."""
    net, x, c = network_of(stored, variant), stored["x"][None], int(stored["target"])
    eps, plain = lrp_rules.epsilon, lrp_rules.without_bias

    def unbiased_gamma(record, R):
        """zennit drops the bias from the sums, but not from the output by whose sign it chooses between them."""
        kernel, bias = record.weights
        other = replace(record, weights=(kernel, np.zeros_like(bias)))
        other.__dict__["output"] = record.output  # with the bias
        return lrp_rules.gamma()(other, R)

    box = lrp_rules.box(*stored["box"])
    books = {
        "lrp0": "zero", "epsilon1e-6": "epsilon", "epsilon0.1": relevance.composite(eps(0.1), eps(0.1)),
        "epsilon0.1_nobias": relevance.composite(plain(eps(0.1)), plain(eps(0.1))), "gamma0.25": "epsilon_gamma",
        "gamma0.25_nobias": relevance.composite(unbiased_gamma, plain(eps())), "zplus": "epsilon_plus",
        "zplus_all": relevance.composite(lrp_rules.z_plus(), lrp_rules.z_plus()), "alpha2beta1": "epsilon_alpha2_beta1",
        "alpha1beta0": relevance.composite(lrp_rules.alpha_beta(1, 0), eps()), "wsquare": "w_squared", "flat": "flat",
        "EpsilonPlus": "epsilon_plus", "EpsilonPlusFlat": "epsilon_plus_flat",
        "EpsilonGammaBox": relevance.composite(lrp_rules.gamma(), eps(), lambda net: box),
        "ExcitationBackprop": relevance.composite(lrp_rules.z_plus(), lrp_rules.z_plus()),  # the paper has no biases
        "EpsilonAlpha2Beta1": "epsilon_alpha2_beta1", "EpsilonAlpha2Beta1Flat": "epsilon_alpha2_beta1_flat",
    }
    starts = {"zc": ("pre", "row"), "yc": ("post", "score"), "sglrp": ("post", "sglrp"), "clrp": ("pre", "clrp"),
              "gxi_centred": ("centred", "row"), "gxi_log": ("log", "row"), "gxi_logodds": ("log_odds", "row"),
              "logodds_pairs": ("log_odds", "pairs")}
    tape = net.run(x)

    def by(book, score, start):
        book = book(net) if callable(book) else book
        return first(ta.lrp(net, tape, c, score, composite=book, start=start).raw)

    for name, book in books.items():
        for label, (score, start) in starts.items():
            yield f"lrp/zennit.{name}.{label}", by(book, score, start)
    for name, method in (("GuidedBackprop", ta.guided_backprop), ("DeconvNet", ta.deconvnet)):
        yield f"lrp/zennit.{name}.one", first(method(net, tape, c, "pre").raw)
    for strength in (1e-9, 0.1):
        label = "1e-9" if strength < 1e-3 else "0.1"
        pooled = {**relevance.composite(eps(strength), eps(strength))(net), "max_pool": eps(1e-9),
                  "global_avg_pool": eps(1e-9)}
        yield f"pre/captum.lrp.epsilon{label}", by(lambda net, pooled=pooled: pooled, "pre", "row")


def distances(maps, score, label):
    """The metrics of two final maps, as the peers' libraries give them."""
    a, b = (np.float64(m) for m in maps)
    h, w = (max(1, round(n / 7)) for n in a.shape)
    found = {
        "spearman": metrics.spearman(a, b), "quantus_spearman": metrics.spearman(a, b), "pearson": metrics.pearson(a, b),
        "cosine": metrics.cosine(a, b),
        "topk_intersection": metrics.top_k(a, b), "centre_shift": metrics.centre_shift(a, b),
        "corner_energy_orig": metrics.energy(a, np.s_[:h, :w]), "corner_energy_alt": metrics.energy(b, np.s_[:h, :w]),
        "ssim": metrics.ssim(a, b), "quantus_ssim": metrics.ssim(a, b),
    }
    for name, value in found.items():
        yield f"metric/{score}/{label}/{name}", value


def all_of_ours(name):
    """{entry: array} for one file of stored outputs."""
    stored = peers(name)
    found = {}
    entries = set(stored["entries"].tolist())
    for variant in ("orig", "alt"):
        if f"{variant}/z" not in entries:
            continue
        net = network_of(stored, variant)
        found[f"{variant}/z"] = net(stored["x"][None])[0]
        found |= {f"{variant}/{entry}": array for entry, array in relevances(stored, variant)}
        for theirs, score in SCORES.items():
            for entry, array in ours(stored, variant, score):
                found[f"{variant}{entry}" if entry[0] == "/" else f"{variant}/{theirs}/{entry}"] = array
    for theirs in SCORES:
        for label in ("jgil.gradcam.final", "jgil.hirescam.final", "jgil.layercam.final"):
            if f"alt/{theirs}/{label}" in found:
                maps = [found[f"{variant}/{theirs}/{label}"] for variant in ("orig", "alt")]
                found |= dict(distances(maps, theirs, label))
    return {entry: array for entry, array in found.items() if entry in entries}


def tolerance(entry):
    """(relative tolerance, why it is not 1e-9)."""
    return next((limit, why) for pattern, limit, why in TOLERANCES if re.search(pattern, entry))


def reason(entry, table=None):
    """Why this entry is not matched (or, with DEFECTS, not the method's formula), or None."""
    return next((why for pattern, why in (table or NOT_MATCHED).items() if re.search(pattern, entry)), None)


def difference(entry, array, stored):
    """Largest difference of the products with four random vectors, relative to the peers' largest value."""
    theirs = stored["fingerprints"][stored["entries"].tolist().index(entry)]
    return min(np.abs(theirs - fingerprint(entry, mine))[1:].max() for mine in either_sign(entry, array)) / scale_of(entry, theirs[0])


def scale_of(entry, largest):
    """What differences are relative to: the peers' largest value; 1 for metrics, and where that is 0."""
    return largest if largest and not entry.startswith("metric") else 1.0


def either_sign(entry, array):
    """A singular vector's sign is open, so a map by it is right with either."""
    if "eigen" not in entry:
        return (array,)
    return tuple(array) if "final" in entry else (array, -array)


def compared(name, folder=SHARED):
    """(entry, difference, limit) for every stored entry; None for both where it is not among ours.

    By whole arrays where the peers' files are there; else by fingerprints, whose products add up `size` differences.
    """
    stored, found = peers(name), all_of_ours(name)
    whole = np.load(folder / f"{FILES[name]}.npz") if folder.exists() else None
    for entry in (e for e in stored["entries"].tolist() if not re.search(NOT_OFFERED, e)):
        if entry not in found:
            yield entry, None, None
        elif whole is None:
            yield entry, difference(entry, found[entry], stored), 2 * np.sqrt(np.size(found[entry])) * tolerance(entry)[0]
        else:
            theirs = np.float64(whole[entry])
            off = min(np.abs(theirs - mine).max() for mine in either_sign(entry, found[entry]))
            yield entry, off / scale_of(entry, np.abs(theirs).max()), tolerance(entry)[0]


def main(folder=SHARED):
    """Print the table, from whole arrays where the peers' files are there, else from the stored fingerprints."""
    ta.SCORES["rest"] = rest
    for name in FILES:
        for entry, off, limit in compared(name, folder):
            remark = reason(entry, DEFECTS) or tolerance(entry)[1]
            print(f"{name:10}{entry:52}" + (f"  not matched: {reason(entry) or '?'}" if off is None else
                  f"{off:9.1e}{limit:9.1e}  {'ok' if off <= limit else 'FAILS'}  {remark}"))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
