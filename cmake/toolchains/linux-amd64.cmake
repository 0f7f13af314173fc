# SPDX-License-Identifier: Apache-2.0
# Debian's cross compiler for amd64, for machines that are arm64; see linux-arm64.cmake.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_CXX_COMPILER x86_64-linux-gnu-g++)
