PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RTSP_PACKAGES := gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly python3-gi
APT_INSTALL := DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends

.DEFAULT_GOAL := help
.PHONY: help setup chromium rtsp demo test check format parity annotation-tools wheel-check clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)  ## Make a virtual environment with posec3d and its test dependencies

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

chromium:  ## Install Chromium for the tests of the review page, where it is missing and apt-get may
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		{ $(APT_INSTALL) chromium || { apt-get update -qq && $(APT_INSTALL) chromium; }; } } || \
		echo "no chromium here: the tests of the review page are skipped; apt-get install chromium"

rtsp:  ## Install GStreamer's RTSP server for the tests of live sources, where it is missing and apt-get may
	@/usr/bin/python3 tests/rtsp_server.py --check 2>/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
		{ $(APT_INSTALL) $(RTSP_PACKAGES) || { apt-get update -qq && $(APT_INSTALL) $(RTSP_PACKAGES); }; } } || \
		echo "no GStreamer RTSP server here: its tests are skipped; apt-get install $(RTSP_PACKAGES)"

demo: setup  ## Recognize the action in a sample clip, and write an annotated video
	mkdir -p out
	$(BIN)/posec3d predict "$$($(BIN)/posec3d samples fetch walk)" --save-video out/walk.mp4 --overwrite

test: setup chromium rtsp  ## Run the tests
	$(BIN)/python -m pytest

check: setup chromium rtsp  ## Lint, type-check and test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

format: setup  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

parity:  ## Compare with the published code of mmaction2, mmdet and mmpose, in a separate environment
	test -x $(VENV)-parity/bin/python || $(PYTHON) -m venv $(VENV)-parity
	$(VENV)-parity/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[openmmlab]' \
		einops hypothesis importlib_metadata packaging pytest
	$(VENV)-parity/bin/python -m pip install --quiet --no-deps mmaction2==1.2.0
	$(VENV)-parity/bin/python -m pytest -m parity tests/parity

annotation-tools: $(VENV)-annotations/EAFv3.0.xsd  ## Install what tests check exported annotations with, in a separate environment

$(VENV)-annotations/EAFv3.0.xsd:
	test -x $(VENV)-annotations/bin/python || $(PYTHON) -m venv $(VENV)-annotations
	$(VENV)-annotations/bin/python -m pip install --quiet label-studio-sdk==2.1.2 srt==3.5.3 webvtt-py==0.6.0 xmlschema==4.3.2
	$(VENV)-annotations/bin/python -m pip download --quiet --no-deps --no-binary :all: --dest $(VENV)-annotations pympi-ling==1.71
	tar -xzf $(VENV)-annotations/pympi_ling-1.71.tar.gz -C $(VENV)-annotations --strip-components 2 --touch \
		pympi_ling-1.71/test/EAFv3.0.xsd

wheel-check: setup  ## Build the wheel and test it in a separate environment
	rm -rf build/wheel $(VENV)-wheel
	$(BIN)/python -m build --wheel --outdir build/wheel
	$(PYTHON) -m venv $(VENV)-wheel
	$(VENV)-wheel/bin/python -m pip install --quiet --constraint constraints.txt build/wheel/*.whl
	cd build/wheel && ../../$(VENV)-wheel/bin/posec3d models list
	cd build/wheel && ../../$(VENV)-wheel/bin/posec3d models show posec3d-daily
	rm -rf $(VENV)-wheel

clean:  ## Remove everything that make built
	rm -rf $(VENV) $(VENV)-wheel $(VENV)-parity $(VENV)-annotations build dist out .pytest_cache .mypy_cache .ruff_cache .hypothesis
