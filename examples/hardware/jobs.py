#!/usr/bin/env python3
"""Real PyTorch training loops on random data, to try gpoeo on a real GPU.

    python3 jobs.py NAME SECONDS MARKS.csv

writes the moment (CLOCK_MONOTONIC, s) at which each iteration had finished on the GPU: columns t_s,label. The batch size
is chosen at the start so that an iteration takes about the time that the job's line below says.
"""
import sys
import time

import torch
from torch import nn

DEVICE = "cuda"


def convnet(width, blocks, classes=1000):
    layers = [nn.Conv2d(3, width, 7, 2, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
    for stage in range(3):
        w = width << stage
        for _ in range(blocks):
            layers += [nn.Conv2d(w, w, 3, 1, 1), nn.BatchNorm2d(w), nn.ReLU()]
        layers += [nn.Conv2d(w, 2 * w, 3, 2, 1), nn.BatchNorm2d(2 * w), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, classes))


def transformer(width, layers, heads):
    layer = nn.TransformerEncoderLayer(width, heads, 4 * width, batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, layers)


class Lstm(nn.Module):
    def __init__(self, width, layers):
        super().__init__()
        self.lstm = nn.LSTM(width, width, layers, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0]


class Job:
    """name: (target s, model, input of a batch, micro-batches, precision, what happens between iterations)"""

    def __init__(self, target_s, model, make, batch, micro=1, amp=True, between=None, ragged=False, val_every=0):
        self.target_s, self.make, self.batch, self.micro = target_s, make, batch, micro
        self.amp, self.between, self.ragged, self.val_every = amp, between, ragged, val_every
        self.model = model.to(DEVICE)
        self.opt = torch.optim.AdamW(self.model.parameters(), lr=1e-4)

    def part(self, batch, backward=True):
        x = self.make(batch)
        with torch.autocast("cuda", torch.bfloat16, enabled=self.amp):
            loss = self.model(x).float().square().mean()
        if backward:
            loss.backward()

    def iteration(self):
        batch = self.batch
        if self.ragged:
            batch = max(1, int(batch * (0.5 + torch.rand(1).item())))
        for _ in range(self.micro):
            self.part(batch)
        self.opt.step()
        self.opt.zero_grad(set_to_none=True)
        torch.cuda.synchronize()

    def calibrate(self):
        ragged, self.ragged = self.ragged, False
        for _ in range(4):
            self.iteration()
            start = time.monotonic()
            for _ in range(3):
                self.iteration()
            took = (time.monotonic() - start) / 3
            self.batch = max(1, round(self.batch * min(4.0, self.target_s / took)))
        self.ragged = ragged


def images(size):
    return lambda batch: torch.randn(batch, 3, size, size, device=DEVICE)


def tokens(length, width):
    return lambda batch: torch.randn(batch, length, width, device=DEVICE)


def sleep(seconds):
    return lambda: time.sleep(seconds)


JOBS = {
    "cnn_amp": lambda: Job(0.15, convnet(64, 4), images(128), 256),
    "cnn_fp32": lambda: Job(0.35, convnet(48, 3), images(128), 128, amp=False),
    "gpt_accum4": lambda: Job(0.9, transformer(1024, 16, 16), tokens(512, 1024), 8, micro=4),
    "gpt_accum12": lambda: Job(2.4, transformer(1024, 16, 16), tokens(512, 1024), 8, micro=12),
    "encoder": lambda: Job(0.24, transformer(768, 12, 12), tokens(256, 768), 32),
    "encoder_long": lambda: Job(0.55, transformer(512, 8, 8), tokens(2048, 512), 4),
    "lstm": lambda: Job(0.3, Lstm(1024, 3), tokens(128, 1024), 64),
    "slow_loader": lambda: Job(0.18, convnet(64, 4), images(128), 256, between=sleep(0.12)),
    "ragged": lambda: Job(0.2, transformer(768, 12, 12), tokens(256, 768), 32, ragged=True),
    "with_val": lambda: Job(0.12, convnet(64, 4), images(128), 256, val_every=40),
    "mlp_short": lambda: Job(0.045, nn.Sequential(*[m for _ in range(8) for m in (nn.Linear(4096, 4096), nn.ReLU())]),
                             lambda batch: torch.randn(batch, 4096, device=DEVICE), 2048),
    "rollout": lambda: Job(0.25, transformer(512, 6, 8), tokens(256, 512), 32, between=sleep(0.4)),
}


def main():
    name, seconds, path = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    time.sleep(3)
    job = JOBS[name]()
    job.calibrate()
    end = time.monotonic() + seconds
    with open(path, "w") as marks:
        marks.write("t_s,label\n")
        count = 0
        while time.monotonic() < end:
            job.iteration()
            marks.write(f"{time.monotonic():.6f},train\n")
            count += 1
            if job.between:
                job.between()
            if job.val_every and count % job.val_every == 0:
                with torch.no_grad():
                    for _ in range(20):
                        job.part(job.batch, backward=False)
                torch.cuda.synchronize()
                marks.write(f"{time.monotonic():.6f},val\n")


if __name__ == "__main__":
    main()
