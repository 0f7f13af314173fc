# SPDX-License-Identifier: Apache-2.0
# Debian's cross compiler for arm64. Headers-only dependencies come from the machine itself;
# libraries from TASKGROUP_CROSS_ROOT, which image/cross_root fills.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
include("${CMAKE_CURRENT_LIST_DIR}/debian_cross.cmake")
