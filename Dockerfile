# The model server, by SageMaker's hosting contract: `docker run IMAGE serve` answers on port 8080 with /opt/ml/model.
#   Build: docker build -t floodscope .
#   Small: docker build -t floodscope --build-arg TORCH_INDEX=URL . takes torch from an index of its wheels for the CPU alone, a
#          tenth of the bytes, or for one version of CUDA; PyTorch's page "Get started" names them.
#   Try:   docker run -p 8080:8080 -v "$PWD/bundle:/opt/ml/model:ro" floodscope serve
# The usual wheels of PyTorch bring the CUDA libraries, and run on the CPU too: the host needs a driver and the NVIDIA container toolkit, no other image.
FROM python:3.11-slim-bookworm

ARG TORCH_INDEX=
ARG NEEDED="click numpy platformdirs tqdm affine pyproj rasterio scipy shapely lightgbm safetensors scikit-image segmentation-models-pytorch \
flask gunicorn prometheus-client urllib3 werkzeug"

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    MALLOC_ARENA_MAX=2

WORKDIR /opt/floodscope
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY assets assets
COPY dashboard dashboard
COPY model model
COPY tiles tiles

# What `floodscope serve` imports, and nothing of the page, of exports or of AWS (pyproject.toml says which; a test serves without the
# rest). torch and torchvision of the pinned versions first, without what they need where they come from an index of their own.
RUN grep -E '^(torch|torchvision)==' constraints.txt > /tmp/torch.txt \
    && if [ -n "$TORCH_INDEX" ]; then pip install --no-deps --index-url "$TORCH_INDEX" -r /tmp/torch.txt; \
       else pip install -r /tmp/torch.txt; fi \
    && grep -vE '^(torch|torchvision|nvidia-|cuda-|triton)' constraints.txt > /tmp/pins.txt \
    && grep -E "^($(echo $NEEDED | tr ' ' '|'))==" constraints.txt > /tmp/needed.txt \
    && pip install -c /tmp/pins.txt -r /tmp/needed.txt && pip install --no-deps . \
    && useradd --system --no-create-home floodscope

# The labels let one container of several on an endpoint take the port that it is given, and a load balancer probe.
LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true
EXPOSE 8080
HEALTHCHECK --start-period=120s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/ping', timeout=2)"]

USER floodscope
# The hosting service starts the container with the one word `serve`; nothing but the server is in it.
ENTRYPOINT ["floodscope"]
CMD ["serve"]
