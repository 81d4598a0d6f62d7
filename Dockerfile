# syntax=docker/dockerfile:1
# The image of Drawbridge: built in one stage, run from another that holds the program alone. It runs as nobody's user, writes to
# /data and /tmp only, and is healthy when it can do its work.
#
# Behind a slow line, mirrors near you: --build-arg NPM_REGISTRY=https://npm.example.com --build-arg APT_MIRROR=debian.example.com
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
# Empty: the one that npm itself would use.
ARG NPM_REGISTRY=
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without scripts: what is installed cannot run anything yet.
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts ${NPM_REGISTRY:+--registry "$NPM_REGISTRY"}
COPY . .
# The image has the right Node; the one that npm brought for machines without it would only double its size.
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts \
  && rm -rf web/src node_modules/.cache node_modules/node-linux-* node_modules/.bin/node

FROM ${NODE_IMAGE} AS run
# Empty: the one of the base image.
ARG APT_MIRROR=
# Backups of PostgreSQL are made by its own tools.
RUN if [ -n "$APT_MIRROR" ]; then sed -Ei "s#(https?://)[^/ ]+/#\\1$APT_MIRROR/#" /etc/apt/sources.list.d/debian.sources; fi \
  && apt-get update \
  && apt-get install --yes --no-install-recommends postgresql-client tini \
  && rm -rf /var/lib/apt/lists/* \
  && mkdir /data && chown 10001:10001 /data
WORKDIR /app
COPY --from=build --chown=root:root /app /app
ENV NODE_ENV=production \
  DRAWBRIDGE_HOST=0.0.0.0 \
  DRAWBRIDGE_PORT=8080 \
  DRAWBRIDGE_DATA_DIR=/data \
  DRAWBRIDGE_LOG_FORMAT=json \
  NODE_COMPILE_CACHE=/tmp/drawbridge-compiled
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# /readyz: database, store and a usable provider, not just an open port.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
  CMD ["node", "/app/deploy/container-health.mjs"]
ENTRYPOINT ["tini", "--", "/app/bin/drawbridge"]
CMD ["serve"]
