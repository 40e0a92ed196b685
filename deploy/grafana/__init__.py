"""Dashboards and their provisioning. `python -m deploy.grafana.build` writes dashboards/*.json anew."""
