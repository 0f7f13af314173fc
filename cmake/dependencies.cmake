# SPDX-License-Identifier: Apache-2.0
# Everything comes from the system's packages; `scripts/setup` installs them. Debian 12's and 13's
# names of targets differ, so each dependency ends up as one name on both:
#   nlohmann_json::nlohmann_json  tl::expected  fmt::fmt  yaml-cpp::yaml-cpp  re2::re2  CLI11::CLI11
#   ZLIB::ZLIB
#   httplib::httplib  OpenSSL::SSL  prometheus-cpp::core (with TASKGROUP_CLUSTER)
#   GTest::gmock_main (with TASKGROUP_TESTS)

# Where scripts/setup puts what it unpacks.
if(DEFINED ENV{XDG_CACHE_HOME})
  set(taskgroup_cache "$ENV{XDG_CACHE_HOME}/taskgroup")
else()
  set(taskgroup_cache "$ENV{HOME}/.cache/taskgroup")
endif()

find_package(nlohmann_json 3.11 REQUIRED)
find_package(tl-expected REQUIRED)
if(TASKGROUP_ONLY_AGENT)
  return()
endif()
if(TASKGROUP_STATIC)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a)
  set(OPENSSL_USE_STATIC_LIBS ON)
  set(ZLIB_USE_STATIC_LIBS ON)
  # Debian has no static library of it.
  find_path(FMT_INCLUDE_DIR fmt/format.h REQUIRED)
  add_library(fmt::fmt INTERFACE IMPORTED)
  target_include_directories(fmt::fmt INTERFACE "${FMT_INCLUDE_DIR}")
  target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY=1)
else()
  find_package(fmt 9 REQUIRED)
endif()
find_package(CLI11 2 REQUIRED)
find_package(ZLIB 1.2 REQUIRED)

if(TASKGROUP_STATIC)
  find_path(YAML_CPP_INCLUDE_DIR yaml-cpp/yaml.h REQUIRED)
  find_library(YAML_CPP_LIBRARY yaml-cpp REQUIRED)
  add_library(yaml-cpp::yaml-cpp INTERFACE IMPORTED)
  target_include_directories(yaml-cpp::yaml-cpp INTERFACE "${YAML_CPP_INCLUDE_DIR}")
  target_link_libraries(yaml-cpp::yaml-cpp INTERFACE "${YAML_CPP_LIBRARY}")
else()
  find_package(yaml-cpp 0.7 REQUIRED)
endif()
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp INTERFACE IMPORTED)
  target_link_libraries(yaml-cpp::yaml-cpp INTERFACE yaml-cpp)
endif()

# Debian 12's RE2 brings no CMake files, and 13's asks for all of Abseil's.
find_path(RE2_INCLUDE_DIR re2/re2.h REQUIRED)
find_library(RE2_LIBRARY re2 REQUIRED)
add_library(re2::re2 INTERFACE IMPORTED)
target_include_directories(re2::re2 INTERFACE "${RE2_INCLUDE_DIR}")
target_link_libraries(re2::re2 INTERFACE "${RE2_LIBRARY}")

if(NOT TASKGROUP_CLUSTER STREQUAL "OFF")
  include(cmake/httplib.cmake)
endif()
if(TASKGROUP_CLUSTER AND NOT TASKGROUP_STATIC)
  # Debian's CMake files of it ask for civetweb and curl too, which only its other parts need.
  find_path(PROMETHEUS_INCLUDE_DIR prometheus/registry.h)
  find_library(PROMETHEUS_LIBRARY prometheus-cpp-core)
  if(PROMETHEUS_INCLUDE_DIR AND PROMETHEUS_LIBRARY)
    add_library(prometheus-cpp::core INTERFACE IMPORTED)
    target_include_directories(prometheus-cpp::core INTERFACE "${PROMETHEUS_INCLUDE_DIR}")
    target_link_libraries(prometheus-cpp::core INTERFACE "${PROMETHEUS_LIBRARY}")
  elseif(TASKGROUP_TESTS OR NOT TASKGROUP_CLUSTER STREQUAL "AUTO")
    message(FATAL_ERROR "prometheus-cpp is missing. `scripts/setup cluster` installs it, "
                        "-DTASKGROUP_CLUSTER=OFF does without API client, controller and webhook.")
  else()
    set(TASKGROUP_CLUSTER OFF) # cpp-httplib alone, as from an earlier release's setup
  endif()
endif()

if(TASKGROUP_TESTS)
  find_package(GTest 1.12 REQUIRED)
  # The interpreter that Debian's python3-yaml is installed for, before one of a version manager.
  find_program(Python3_EXECUTABLE python3 PATHS /usr/bin NO_DEFAULT_PATH)
  # Prometheus' own checks: installed, or unpacked by scripts/setup.
  find_program(TASKGROUP_PROMTOOL promtool PATHS "${taskgroup_cache}/prometheus")
endif()
