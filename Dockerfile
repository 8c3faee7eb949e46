# docker build -t legato . && docker run --read-only --tmpfs /tmp -v legato:/var/lib/legato \
#   -p 127.0.0.1:8000:8000 -e LEGATO_JWT_SECRET=… legato

FROM python:3.13-slim-bookworm AS build
WORKDIR /build
COPY pyproject.toml constraints.txt LICENSE README.md ./
COPY legato ./legato
RUN python -m venv /opt/legato && \
    /opt/legato/bin/pip install --no-cache-dir --constraint constraints.txt '.[redis,postgres,otel]'

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/legato --shell /usr/sbin/nologin legato && \
    install --directory --mode=0700 --owner=legato --group=legato /var/lib/legato
COPY --from=build /opt/legato /opt/legato
ENV PATH=/opt/legato/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    LEGATO_HOST=0.0.0.0 \
    LEGATO_DATABASE_URL=sqlite:////var/lib/legato/legato.db
USER 10001:10001
WORKDIR /var/lib/legato
VOLUME /var/lib/legato
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["legato"]
CMD ["serve"]
