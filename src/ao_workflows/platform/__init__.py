"""The platform: Airflow and all that belongs to it in Docker, on one machine. Its files are in ``airflow-docker``.

Knows Docker, folders and secrets, and nothing of deliveries or works.
"""
