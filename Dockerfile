# One image, several commands: docker run socai web | workers projector | workers run QUEUE | ledger ...
# Every word after the image name goes to `python -m`.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/socai

COPY requirements/run.lock requirements/run.lock
RUN pip install --require-hashes --no-deps -r requirements/run.lock \
 && useradd --system --uid 10001 --no-create-home socai \
 && mkdir -p /var/lib/socai/bank /var/lib/socai/books /var/lib/socai/host \
 && chown -R socai /var/lib/socai

COPY ledger ledger
COPY commands commands
COPY projections projections
COPY banks banks
COPY web web
COPY workers workers

USER socai
EXPOSE 8080
ENTRYPOINT ["python", "-m"]
CMD ["web"]
