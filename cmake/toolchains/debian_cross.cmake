# SPDX-License-Identifier: Apache-2.0
# What the cross toolchains share. CMake reads a toolchain file for its own tests of the compiler
# too, hence the environment variable.
set(CMAKE_CXX_COMPILER ${CMAKE_SYSTEM_PROCESSOR}-linux-gnu-g++)
set(taskgroup_cross_root "$ENV{TASKGROUP_CROSS_ROOT}")
if(NOT taskgroup_cross_root)
  message(FATAL_ERROR "TASKGROUP_CROSS_ROOT is not set; image/stage sets it")
endif()
set(CMAKE_PREFIX_PATH "${taskgroup_cross_root}/usr")
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES
    "${taskgroup_cross_root}/usr/include/${CMAKE_SYSTEM_PROCESSOR}-linux-gnu")
