"""The likelihood of the random-slope model from sums, with first and second derivatives.

D is the covariance of intercept and slope between courses divided by the variance σ² within a
course; it may be singular. With S and U of a course (`slope_sums`) and

    P = (I + S·D)⁻¹,   W = P·S,   G = P·U   (2 × 2, 2 × 2, 2 × q)

the weighted squares of all rows [x, y] and minus twice the log-likelihood, profiled over β and σ², are

    B = Σ row'row − Σ U'·D·G = [[A, c], [c', r]],     β = A⁻¹c,   RSS = r − c'β
    deviance = Σ log|I + S·D| + log|A| + ν·(1 + log(2π·RSS/ν))      ν = rows − p

(ML: without log|A|, ν = rows). Derivatives follow from dP = −W·dD·P:

    ∂B/∂k = −Σ G'·E_k·G,   ∂²B/∂k∂l = Σ G'·(E_k·W·E_l + E_l·W·E_k)·G,
    ∂log|I + S·D|/∂k = tr(W·E_k),   ∂²/∂k∂l = −tr(E_k·W·E_l·W)

for the three directions E of a symmetric D, so one pass with five small matrix products gives all.
Bates et al. (2015), J Stat Softw 67(1), profile the same likelihood; they have no derivatives.
"""

from dataclasses import dataclass

import numpy as np

from enthesis.outcomes.slope_sums import Floats, SlopeSums

COURSES_AT_ONCE = 2_048


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """The likelihood at one D. `deviance` lacks what does not depend on D but on the rows' units.

    `gradient`: (3,) in D₁₁, D₁₂, D₂₂. `hessian`: (3, 3). `beta`: (p,). `rss`. `a_inverse`: (p, p).
    `a_slopes`: (3, p, p) of A. `free`: ν. `rss_gradient`: (3,). `rss_hessian`, `log_hessian`:
    (3, 3), the latter of Σ log|I + S·D| + log|A|.
    """

    d: Floats
    deviance: float
    gradient: Floats
    hessian: Floats
    beta: Floats
    rss: float
    free: float
    a_inverse: Floats
    a_slopes: Floats
    rss_gradient: Floats
    rss_hessian: Floats
    log_hessian: Floats


def likelihood(sums: SlopeSums, d: Floats, rows: float, restricted: bool) -> Point | None:
    """The likelihood at D = [[d₀, d₁], [d₁, d₂]], or None where rounding leaves no positive RSS."""
    q = sums.squares.shape[0]
    p = q - 1
    log_det, w1, w2, products = _scan(sums, d)
    b = sums.squares - _along(products[0], np.array([d[0], d[1], d[2]]))
    b1, b2 = _slopes(products)
    try:
        root = np.linalg.cholesky(b[:p, :p])
    except np.linalg.LinAlgError:
        return None
    a_inverse = np.linalg.inv(b[:p, :p])
    beta = a_inverse @ b[:p, p]
    gamma = np.append(-beta, 1.0)
    rss = float(gamma @ b @ gamma)
    if not rss > 0:
        return None
    pull = b1[:, :p] @ gamma
    rss1 = b1 @ gamma @ gamma
    rss2 = b2 @ gamma @ gamma - 2 * pull @ a_inverse @ pull.T
    free = rows - p if restricted else rows
    log_a, log1, log2 = 0.0, w1, w2
    if restricted:
        log_a = 2 * float(np.log(np.diagonal(root)).sum())
        turned = a_inverse @ b1[:, :p, :p]
        log1 = w1 + np.trace(turned, axis1=1, axis2=2)
        log2 = w2 + np.tensordot(b2[:, :, :p, :p], a_inverse, 2)
        log2 = log2 - np.einsum("kij,lji->kl", turned, turned)
    ratio = rss1 / rss
    return Point(
        d=d,
        deviance=log_det + log_a + free * (1 + float(np.log(2 * np.pi * rss / free))),
        gradient=log1 + free * ratio,
        hessian=log2 + free * (rss2 / rss - np.outer(ratio, ratio)),
        beta=beta,
        rss=rss,
        free=free,
        a_inverse=a_inverse,
        a_slopes=b1[:, :p, :p],
        rss_gradient=rss1,
        rss_hessian=rss2,
        log_hessian=log2,
    )


def gain(s: Floats, d: Floats) -> tuple[Floats, Floats]:
    """P of every course as (4, k) p₁₁, p₁₂, p₂₁, p₂₂, and |I + S·D| as (k,). `s` is (3, k)."""
    n, t1, t2 = s
    a, b, c = d
    p11 = 1 + t1 * b + t2 * c
    p22 = 1 + n * a + t1 * b
    p12 = -(n * b + t1 * c)
    p21 = -(t1 * a + t2 * b)
    det = 1 + n * a + 2 * t1 * b + t2 * c + np.maximum(n * t2 - t1**2, 0) * (a * c - b * b)
    return np.array([p11, p12, p21, p22]) / det, det


def _scan(sums: SlopeSums, d: Floats) -> tuple[float, Floats, Floats, Floats]:
    """Σ log|I + S·D| with its derivatives, and Σ G'·[U, G, w₁₁G, w₁₂G, w₂₂G] as (5, 2q, 2q)."""
    a, b, c = d
    k, _, q = sums.u.shape
    log_det, trace, pairs = 0.0, np.zeros(3), np.zeros((3, 3))
    products = np.zeros((2 * q, 10 * q))
    for first in range(0, k, COURSES_AT_ONCE):
        part = slice(first, first + COURSES_AT_ONCE)
        s, u, weight = sums.s[:, part], sums.u[part], sums.weight[part]
        (p11, p12, p21, p22), det = gain(s, d)
        between = np.maximum(s[0] * s[2] - s[1] ** 2, 0)
        w = np.array([s[0] + between * c, s[1] - between * b, s[2] + between * a]) / det
        wide = np.empty((len(u), 10 * q))
        wide[:, : 2 * q] = u.reshape(-1, 2 * q)
        g = wide[:, 2 * q : 4 * q]
        g[:, :q] = p11[:, None] * u[:, 0] + p12[:, None] * u[:, 1]
        g[:, q:] = p21[:, None] * u[:, 0] + p22[:, None] * u[:, 1]
        for at in range(3):
            np.multiply(g, w[at][:, None], out=wide[:, (4 + 2 * at) * q : (6 + 2 * at) * q])
        products += g.T @ wide
        log_det += float(weight @ np.log(det))
        weighted = w * weight
        trace += weighted.sum(axis=1)
        pairs += weighted @ w.T
    return (
        log_det,
        trace * [1, 2, 1],
        -np.array(
            [
                [pairs[0, 0], 2 * pairs[0, 1], pairs[1, 1]],
                [2 * pairs[0, 1], 2 * (pairs[1, 1] + pairs[0, 2]), 2 * pairs[1, 2]],
                [pairs[1, 1], 2 * pairs[1, 2], pairs[2, 2]],
            ]
        ),
        np.moveaxis(products.reshape(2 * q, 5, 2 * q), 1, 0),
    )


def _along(product: Floats, d: Floats) -> Floats:
    """Σ over r, s of D_rs times the (r, s) block of a (2q, 2q) product, made symmetric."""
    q = len(product) // 2
    both = product[:q, q:] + product[q:, :q]
    total = d[0] * product[:q, :q] + d[1] * both + d[2] * product[q:, q:]
    return np.asarray((total + total.T) / 2)


def _slopes(products: Floats) -> tuple[Floats, Floats]:
    """(3, q, q) and (3, 3, q, q): first and second derivatives of B in the elements of D."""
    _, plain, by11, by12, by22 = products
    one = np.array([1.0, 0, 0])
    mixed = np.array([0, 1.0, 0])
    two = np.array([0, 0, 1.0])
    first = -np.array([_along(plain, e) for e in (one, mixed, two)])
    b12 = 2 * _along(by12, one) + _along(by11, mixed)
    b13 = _along(by12, mixed)
    b22 = 2 * (_along(by22, one) + _along(by12, mixed) + _along(by11, two))
    b23 = _along(by22, mixed) + 2 * _along(by12, two)
    rows = [[2 * _along(by11, one), b12, b13], [b12, b22, b23], [b13, b23, 2 * _along(by22, two)]]
    return first, np.array(rows)
