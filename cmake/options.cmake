# SPDX-License-Identifier: Apache-2.0
# The switches of a build. The presets set them; `make help` lists the commands that use them.

option(TASKGROUP_TESTS "Build the tests (needs GoogleTest)" OFF)
option(TASKGROUP_BENCH "Build the benchmarks" OFF)
option(TASKGROUP_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(TASKGROUP_ONLY_AGENT "Configure nothing but the agent, as for another architecture" OFF)
option(TASKGROUP_STATIC "Link the CLI statically, to run on other distributions, and build no servers" OFF)
set(TASKGROUP_CLUSTER AUTO CACHE STRING
    "Build the cluster's side, API client and controller: ON, OFF, or AUTO, where cpp-httplib is found")
set(TASKGROUP_SANITIZE "" CACHE STRING "Sanitizers, e.g. 'address,undefined' or 'thread'")

# Dev mode is on in a git checkout and in CI, so that a packager with a newer compiler never breaks
# on one of its new warnings.
if(EXISTS "${PROJECT_SOURCE_DIR}/.git" OR DEFINED ENV{CI})
  set(taskgroup_dev_default ON)
else()
  set(taskgroup_dev_default OFF)
endif()
option(TASKGROUP_DEV "Treat warnings as errors" ${taskgroup_dev_default})

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
