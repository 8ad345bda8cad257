"""Fields of a network: minus the derivative of its energy by every spin."""

import torch

from efnn_cli.training.predict import predict_fields


class Cubes(torch.nn.Module):
    """E = sum over i of (i + 1) s_i^3."""

    def forward(self, spins: torch.Tensor) -> torch.Tensor:
        return (torch.arange(1, spins.shape[1] + 1) * spins**3).sum(1)


def test_fields_are_minus_the_derivative_of_the_energy():
    spins = torch.tensor([[0.5, -1.0, 2.0], [0.1, 0.2, 0.3]], dtype=torch.float64)
    expected = -3 * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64) * spins**2
    torch.testing.assert_close(predict_fields(Cubes(), spins), expected)
