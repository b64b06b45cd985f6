# Amberline in a container: `docker compose up` (compose.yaml) brings a database and Redis with it.
FROM python:3.11-slim-bookworm

RUN useradd --system --create-home --home-dir /var/lib/amberline amberline
WORKDIR /opt/amberline
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
RUN chown -R amberline /var/lib/amberline
USER amberline

ENV HOST=0.0.0.0 PORT=8000 CSMS_MIGRATE=1 INSTANCE_DIR=/var/lib/amberline LOG_FORMAT=json
VOLUME /var/lib/amberline
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "wsgi.py"]
