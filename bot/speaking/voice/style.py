"""How freely a persona speaks in a chat, in plain words: wild, normal or tame."""

from __future__ import annotations

from bot.config import SamplingConfig

STYLES = ("tame", "normal", "wild")

HOTTER, COOLER = 1.3, 0.6  # times the temperature that is set
EXAGGERATION = 0.5  # guidance on top of what is set


def styled(sampling: SamplingConfig, style: str) -> SamplingConfig:
    """The sampling for a style. Wild is hotter and more like the persona than anybody is; tame
    keeps to what is likely, and to how anybody would say it.
    """
    if style == "wild":
        return sampling.model_copy(
            update={
                "temperature": HOTTER * sampling.temperature,
                "guidance": sampling.guidance + EXAGGERATION,
            }
        )
    if style == "tame":
        return sampling.model_copy(
            update={"temperature": COOLER * sampling.temperature, "guidance": 0.0}
        )
    return sampling
