"""Naive twins of Jacobians, tangent kernels, curvature products and spectra."""

import torch
from torch.func import functional_call, jacrev, vmap


def jacobian(module, x):
    """J [N·C, P] by one `torch.autograd.grad` for each row and output, on all rows at a time."""
    leaves = [each for each in module.parameters() if each.requires_grad]
    out = module(x).reshape(len(x), -1)
    rows = []
    for value in out.reshape(-1):
        found = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
        pairs = zip(found, leaves, strict=True)
        rows.append(torch.cat([(g if g is not None else torch.zeros_like(p)).reshape(-1) for g, p in pairs]))
    return torch.stack(rows)


def kernel(module, x1, x2, form="full"):
    """Θ from dense Jacobians."""
    a, b = jacobian(module, x1), jacobian(module, x2)
    n, m = len(x1), len(x2)
    whole = (a @ b.T).reshape(n, len(a) // n, m, len(b) // m)
    if form == "full":
        return a @ b.T
    each = torch.diagonal(whole, dim1=1, dim2=3)  # [N, N₂, C]
    return each.sum(2) if form == "trace" else each


def tutorial_kernel(module, x1, x2):
    """Θ [N, N₂, C, C] as the tutorial of torch.func makes it: vmap(jacrev), then contractions."""
    params = {name: each.detach() for name, each in module.named_parameters()}

    def single(params, row):
        return functional_call(module, params, (row.unsqueeze(0),)).squeeze(0)

    def flat(x):
        return [j.flatten(2) for j in vmap(jacrev(single), (None, 0))(params, x).values()]

    return sum(torch.einsum("Naf,Mbf->NMab", j1, j2) for j1, j2 in zip(flat(x1), flat(x2), strict=True))


def differences(module, x, step=1e-6):
    """J [N·C, P] by central differences of the parameters; float64 only."""
    columns = []
    with torch.no_grad():
        for each in module.parameters():
            if each.requires_grad:
                flat = each.view(-1)
                for at in range(flat.numel()):
                    kept = float(flat[at])
                    flat[at] = kept + step
                    above = module(x).reshape(-1)
                    flat[at] = kept - step
                    below = module(x).reshape(-1)
                    flat[at] = kept
                    columns.append((above - below) / (2 * step))
    return torch.stack(columns, dim=1)


def hessian(module, loss, x, y):
    """Hessian [P, P] of the mean of loss(outputs, targets) by autograd on every element of the gradient."""
    leaves = [each for each in module.parameters() if each.requires_grad]
    total = loss(module(x), y).mean()
    gradient = torch.cat([g.reshape(-1) for g in torch.autograd.grad(total, leaves, create_graph=True)])
    rows = []
    for value in gradient:
        found = torch.autograd.grad(value, leaves, retain_graph=True, allow_unused=True)
        pairs = zip(found, leaves, strict=True)
        rows.append(torch.cat([(g if g is not None else torch.zeros_like(p)).reshape(-1) for g, p in pairs]))
    return torch.stack(rows)


def gauss_newton(module, loss, x, y):
    """(1/N) Σ_n J_nᵀ H_n J_n [P, P] with H_n the Hessian of loss by the outputs of row n."""
    whole = jacobian(module, x).detach()
    out = module(x).detach()
    per_row = whole.reshape(len(x), -1, whole.shape[1])
    total = torch.zeros(whole.shape[1], whole.shape[1], dtype=whole.dtype)
    for row in range(len(x)):
        curve = torch.autograd.functional.hessian(
            lambda z, row=row: loss(z.unsqueeze(0), y[row : row + 1]).sum(), out[row]
        )
        total += per_row[row].T @ curve @ per_row[row]
    return total / len(x)
