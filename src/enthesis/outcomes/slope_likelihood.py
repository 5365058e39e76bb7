"""The likelihood of the random-slope model from sums, with first and second derivatives.

D is the covariance of intercept and slope between courses divided by the variance σ² within a
course; it may be singular. For a course with n, t̄, s and u (`slope_sums`) let

    R = [[√n, √n·t̄], [0, √s]],   K = (I + R·D·R')⁻¹,   W = R'·K·R,   G = R'·K·u.

The weighted squares of all rows [x, y], and minus twice the log-likelihood profiled over β and σ²:

    B = within + Σ u'·K·u = [[A, c], [c', r]],     β = A⁻¹c,   RSS = r − c'β
    deviance = −Σ log|K| + log|A| + ν·(1 + log(2π·RSS/ν))      ν = rows − p

(ML: without log|A|, ν = rows). Derivatives follow from dK = −K·R·dD·R'·K:

    ∂B/∂k = −Σ G'·E_k·G,   ∂²B/∂k∂l = Σ G'·(E_k·W·E_l + E_l·W·E_k)·G,
    −∂log|K|/∂k = tr(W·E_k),   −∂²log|K|/∂k∂l = −tr(E_k·W·E_l·W)

for the three directions E of a symmetric D, so one pass with few small matrix products gives all.
Bates et al. (2015), J Stat Softw 67(1), profile the same likelihood; they have no derivatives.
"""

from dataclasses import dataclass, replace

import numpy as np

from enthesis.outcomes.slope_levels import Level, LevelSums
from enthesis.outcomes.slope_sums import Floats, SlopeSums

COURSES_AT_ONCE = 4_096
LEVEL_ROWS = np.array([0, 1, 3, 1, 2, 4])
"""G of a level's columns 1, t, y among the rows w₁₁, w₁₂, w₂₂, g₁, g₂ of y."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """The likelihood at one D. `deviance` lacks what does not depend on D but on the rows' units.

    `gradient`: (3,) in D₁₁, D₁₂, D₂₂. `hessian`: (3, 3). `beta`: (p,). `rss`. `a_inverse`: (p, p).
    `a_slopes`: (3, p, p) of A. `free`: ν. `rss_gradient`: (3,). `rss_hessian`, `log_hessian`:
    (3, 3), the latter of −Σ log|K| + log|A|.
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


def likelihood(sums: SlopeSums | LevelSums, d: Floats, restricted: bool) -> Point | None:
    """The likelihood at D = [[d₀, d₁], [d₁, d₂]], or None where rounding leaves no positive RSS."""
    scan = _look(sums, d)
    b, b1, b2 = scan.b, scan.b_slopes, scan.b_curvatures
    rows, p = sums.rows, len(b) - 1
    try:
        root = np.linalg.cholesky(b[:p, :p])
    except np.linalg.LinAlgError:
        return None
    a_inverse = np.asarray(np.linalg.inv(b[:p, :p]), dtype=np.float64)
    beta = a_inverse @ b[:p, p]
    gamma = np.append(-beta, 1.0)
    rss = float(gamma @ b @ gamma)
    if not rss > 0:
        return None
    pull = b1[:, :p] @ gamma
    rss1 = b1 @ gamma @ gamma
    rss2 = b2 @ gamma @ gamma - 2 * pull @ a_inverse @ pull.T
    free = rows - p if restricted else rows
    log_a, log1, log2 = 0.0, scan.log_gradient, scan.log_hessian
    if restricted:
        log_a = 2 * float(np.log(np.diagonal(root)).sum())
        turned = a_inverse @ b1[:, :p, :p]
        log1 = log1 + np.trace(turned, axis1=1, axis2=2)
        log2 = log2 + np.tensordot(b2[:, :, :p, :p], a_inverse, 2)
        log2 = log2 - np.einsum("kij,lji->kl", turned, turned)
    ratio = rss1 / rss
    return Point(
        d=d,
        deviance=scan.log_det + log_a + free * (1 + float(np.log(2 * np.pi * rss / free))),
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


def between(times: Floats, d: Floats) -> tuple[Floats, Floats, Floats]:
    """Per course: K and W as (3, k) elements 11, 12, 22 each, and |K|⁻¹ as (k,)."""
    n, mean, spread = times
    a, b, c = d
    product = n * spread
    both = np.sqrt(product)
    r11 = n * (a + mean * (2 * b + mean * c))
    r12 = both * (b + mean * c)
    r22 = spread * c
    det = 1 + r11 + r22 + product * max(a * c - b * b, 0.0)
    k, w = np.empty((2, 3, n.size))
    np.divide(1 + r22, det, out=k[0])
    np.divide(r12, -det, out=k[1])
    np.divide(1 + r11, det, out=k[2])
    first, second = np.multiply(n, k[0], out=w[0]), both * k[1]
    along = mean * first + second
    w[1] = along
    w[2] = mean * (along + second) + spread * k[2]
    return k, w, det


def carried(times: Floats, k: Floats, u: Floats) -> tuple[Floats, Floats]:
    """K·u and G = R'·K·u, both (2, q, courses)."""
    n, mean, spread = times
    v, g = np.empty_like(u), np.empty_like(u)
    v[0] = k[0] * u[0] + k[1] * u[1]
    v[1] = k[1] * u[0] + k[2] * u[1]
    g[0] = np.sqrt(n) * v[0]
    g[1] = mean * g[0] + np.sqrt(spread) * v[1]
    return v, g


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One pass over courses, q columns: −Σ log|K| with its derivatives in D, and B with its.

    `log_gradient`: (3,). `log_hessian`: (3, 3). `b`: (q, q). `b_slopes`: (3, q, q).
    `b_curvatures`: (3, 3, q, q).
    """

    log_det: float
    log_gradient: Floats
    log_hessian: Floats
    b: Floats
    b_slopes: Floats
    b_curvatures: Floats


def _look(sums: SlopeSums | LevelSums, d: Floats) -> Scan:
    """All courses, level by level where there are levels."""
    if isinstance(sums, SlopeSums):
        scan = _scan(sums, d)
        return replace(scan, b=scan.b + sums.within)
    scans = []
    for level in sums.levels:
        scan, lift = _scan(level, d), np.zeros((3, level.lift.shape[1] + 1))
        lift[:2, :-1], lift[2, -1] = level.lift, 1
        lifted = (lift.T @ part @ lift for part in (scan.b, scan.b_slopes, scan.b_curvatures))
        scans.append((scan.log_det, scan.log_gradient, scan.log_hessian, *lifted))
    total = [sum(parts[1:], parts[0]) for parts in zip(*scans, strict=True)]
    total[3][-1, -1] += sums.within
    return Scan(*total)


def _scan(sums: SlopeSums | Level, d: Floats) -> Scan:
    """B without `within`; of a level for the columns 1, t and y."""
    of_level = isinstance(sums, Level)
    q = 3 if of_level else sums.u.shape[1]
    # The columns 1 and t of a level are R itself, so G of them is R'·K·R = W, already there.
    rows = LEVEL_ROWS if of_level else np.arange(2 * q)
    width = int(rows.max()) + 1
    log_det, trace, pairs = 0.0, np.zeros(3), np.zeros((3, 3))
    b, totals, products = np.zeros((q, q)), np.zeros(width), np.zeros((width, 4 * width))
    for first in range(0, sums.u.shape[-1], COURSES_AT_ONCE):
        some = (..., slice(first, first + COURSES_AT_ONCE))
        times, u = sums.times[some], sums.u[some]
        k, w, det = between(times, d)
        v, g = carried(times, k, u)
        if isinstance(sums, Level):
            log_det += float(np.log(det).sum())
            flat = np.concatenate([w, g])
            totals += flat.sum(axis=1)
            b[2, 2] += float(np.vdot(u, v))
        else:
            weight, flat = sums.weight[some], g.reshape(2 * q, -1)
            log_det += float(weight @ np.log(det))
            weighted = w * weight
            trace += weighted.sum(axis=1)
            pairs += weighted @ w.T
            b += u[0] @ v[0].T + u[1] @ v[1].T
        wide = np.concatenate([flat, *(weight_of[None] * flat for weight_of in w)])
        products += flat @ wide.T
    if of_level:
        trace, pairs = totals[:3], products[:3, :3]
        b[:2, :2], b[:2, 2], b[2, :2] = totals[[[0, 1], [1, 2]]], totals[3:], totals[3:]
    hessian = -np.array(
        [
            [pairs[0, 0], 2 * pairs[0, 1], pairs[1, 1]],
            [2 * pairs[0, 1], 2 * (pairs[1, 1] + pairs[0, 2]), 2 * pairs[1, 2]],
            [pairs[1, 1], 2 * pairs[1, 2], pairs[2, 2]],
        ]
    )
    by_weight = np.moveaxis(products.reshape(width, 4, width)[rows][:, :, rows], 1, 0)
    return Scan(log_det, trace * [1, 2, 1], hessian, (b + b.T) / 2, *_slopes(by_weight))


def _along(product: Floats, d: Floats) -> Floats:
    """Σ over r, s of D_rs times the (r, s) block of a (2q, 2q) product, made symmetric."""
    q = len(product) // 2
    both = product[:q, q:] + product[q:, :q]
    total = d[0] * product[:q, :q] + d[1] * both + d[2] * product[q:, q:]
    return np.asarray((total + total.T) / 2)


def _slopes(products: Floats) -> tuple[Floats, Floats]:
    """(3, q, q) and (3, 3, q, q): first and second derivatives of B in the elements of D."""
    plain, by11, by12, by22 = products
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
