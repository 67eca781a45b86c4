"""Airflow's edge: two DAGs and the few lines that join them to the process. Nothing else here imports Airflow."""
