# SPDX-License-Identifier: Apache-2.0
# Debian's cross compiler for arm64. The agent's dependencies are headers, the machine's own.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
