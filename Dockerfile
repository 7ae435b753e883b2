# The app, its scheduler and its workers: one image, see compose.yaml and docs/deploying.md.
FROM python:3.12-slim

WORKDIR /app
COPY requirements.txt ./
# The last two are for a login, see docs/deploying.md.
RUN pip install --no-cache-dir --requirement requirements.txt Authlib==1.9.10 httpx2==2.16.2
COPY .streamlit ./.streamlit
COPY data ./data
COPY mtbkd_core ./mtbkd_core
COPY pages ./pages
COPY app.py ./

# Volumes take over whose their folders are.
RUN useradd --create-home mtbkd && mkdir /mtbkd /tls && chown mtbkd /mtbkd /tls && chmod 700 /tls
USER mtbkd
ENV MTBKD_HOME=/mtbkd PYTHONPATH=/app STREAMLIT_SERVER_HEADLESS=true
VOLUME /mtbkd

# Within the container alone: compose.yaml passes the port on to 127.0.0.1.
ENV STREAMLIT_SERVER_ADDRESS=0.0.0.0
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "app.py"]
