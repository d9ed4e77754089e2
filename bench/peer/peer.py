"""Reads one JSON request a line, answers one JSON line: {"do": "steps", "n": 5} -> {"ms": [..]}, {"do": "sample", ...} -> {"seconds": ..}.
So that the benchmark can let ours and this take turns in one run."""
import copy
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from sit import SiT

SHIFT_BASE = 4096


def training(config):
    torch.manual_seed(0)
    model = SiT(config["depth"], config["hidden"], config["heads"], config["channels"], config["side"], config["classes"], config["cls"],
                config["features"], config["projector"])
    average = copy.deepcopy(model).requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0, fused=True)
    b, c, s = config["batch"], config["channels"], config["side"]
    x1, cls1 = torch.randn(b, c, s, s), torch.randn(b, config["cls"])
    z, y = torch.randn(b, s * s + 1, config["features"]), torch.randint(0, config["classes"], (b,))
    m = (c * s * s / SHIFT_BASE) ** 0.5

    def step():
        t = torch.rand(b, 1, 1, 1)
        t = (m * t / (1 + (m - 1) * t)).clamp(0, 1)
        noise, cls_noise = torch.randn_like(x1), torch.randn_like(cls1)
        u, w = noise - x1, cls_noise - cls1
        v, zs, cls = model(x1 + t * u, t.flatten(), y, cls1 + t.flatten()[:, None] * w)
        loss = ((v - u) ** 2).mean() + 0.03 * ((cls - w) ** 2).mean() - 0.05 * ((v - u.roll(1, 0)) ** 2).mean()
        loss = loss - 0.5 * (F.normalize(z, dim=-1) * F.normalize(zs, dim=-1)).sum(-1).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1e-4)
        return loss.item()

    return model, step


@torch.no_grad()
def sample(model, config, steps, guided):
    """Euler-Maruyama in float64 as the paper's sampler, path-drop guidance."""
    b, c, s = config["batch"], config["channels"], config["side"]
    m = (c * s * s / SHIFT_BASE) ** 0.5
    grid = torch.cat([torch.linspace(1, 0.04, steps, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)])
    grid = m * grid / (1 + (m - 1) * grid)
    x, cls = torch.randn(b, c, s, s).double(), torch.randn(b, config["cls"]).double()
    y = torch.randint(0, config["classes"], (b,))
    for i in range(steps):
        t, dt = grid[i], grid[i + 1] - grid[i]
        at = torch.full((b,), float(t))
        v, _, w = model(x.float(), at, y, cls.float(), train=False)
        if guided:
            v0, _, w0 = model(x.float(), at, torch.full_like(y, config["classes"]), cls.float(), train=False, uncond=True)
            v, w = v0 + 2.5 * (v - v0), w0 + 2.5 * (w - w0)
        def drift(state, velocity):
            return velocity.double() + t * ((1 - t) * velocity.double() + state) / t
        noise = (2 * t * dt.abs()).sqrt() if i < steps - 1 else 0.0
        x, cls = x + drift(x, v) * dt + noise * torch.randn_like(x), cls + drift(cls, w) * dt + noise * torch.randn_like(cls)
    return x


def main():
    config = json.loads(sys.stdin.readline())
    torch.set_num_threads(config["threads"])
    model, step = training(config)
    parameters = sum(p.numel() for p in model.parameters())
    print(json.dumps({"ready": True, "torch": torch.__version__, "parameters": parameters}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "steps":
            answer = []
            for _ in range(request["n"]):
                start = time.perf_counter()
                step()
                answer.append((time.perf_counter() - start) * 1000)
            reply = {"ms": answer}
        else:
            start = time.perf_counter()
            sample(model, config, request["steps"], request["guided"])
            reply = {"seconds": time.perf_counter() - start}
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({**reply, "cpuSeconds": usage.ru_utime + usage.ru_stime, "peakRss": usage.ru_maxrss * 1024}), flush=True)


main()
