"""Options from KAFKA_… variables."""

from __future__ import annotations

from pydantic_settings import SettingsConfigDict

from dekaf.contrib.fastapi import DekafSettings


class KafkaSettings(DekafSettings):
    model_config = SettingsConfigDict(env_prefix="KAFKA_")
