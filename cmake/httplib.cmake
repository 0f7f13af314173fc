# SPDX-License-Identifier: Apache-2.0
# httplib::httplib: cpp-httplib 0.18 or later with OpenSSL, from Debian 13's package or from what
# `scripts/setup cluster` has unpacked into the cache. Debian 12's package is older and has known holes.
# With TASKGROUP_CLUSTER=AUTO its absence turns the cluster's side off; tests want it there.

set(TASKGROUP_HTTPLIB "${taskgroup_cache}/cpp-httplib"
    CACHE PATH "Folder of httplib.h and httplib.cc, where the system's package is too old")

function(taskgroup_httplib_version folder result)
  set(version 0)
  if(EXISTS "${folder}/httplib.h")
    file(STRINGS "${folder}/httplib.h" line REGEX "#define CPPHTTPLIB_VERSION \"" LIMIT_COUNT 1)
    string(REGEX REPLACE ".*\"(.*)\".*" "\\1" version "${line}")
  endif()
  set(${result} "${version}" PARENT_SCOPE)
endfunction()

find_path(HTTPLIB_INCLUDE_DIR httplib.h)
find_library(HTTPLIB_LIBRARY cpp-httplib)
taskgroup_httplib_version("${HTTPLIB_INCLUDE_DIR}" taskgroup_system_httplib)
taskgroup_httplib_version("${TASKGROUP_HTTPLIB}" taskgroup_unpacked_httplib)

if(HTTPLIB_LIBRARY AND taskgroup_system_httplib VERSION_GREATER_EQUAL 0.18)
  find_package(OpenSSL 3 REQUIRED)
  add_library(httplib::httplib INTERFACE IMPORTED)
  target_link_libraries(httplib::httplib INTERFACE "${HTTPLIB_LIBRARY}" OpenSSL::SSL)
  # What Debian builds the library with; its header must be read alike.
  target_compile_definitions(
    httplib::httplib INTERFACE CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_ZLIB_SUPPORT
                               CPPHTTPLIB_BROTLI_SUPPORT)
  set(taskgroup_httplib_summary "${taskgroup_system_httplib} (${HTTPLIB_LIBRARY})")
elseif(taskgroup_unpacked_httplib VERSION_GREATER_EQUAL 0.18 AND EXISTS "${TASKGROUP_HTTPLIB}/httplib.cc")
  find_package(OpenSSL 3 REQUIRED)
  add_library(taskgroup_httplib STATIC "${TASKGROUP_HTTPLIB}/httplib.cc")
  target_compile_features(taskgroup_httplib PUBLIC cxx_std_17)
  target_include_directories(taskgroup_httplib SYSTEM PUBLIC "${TASKGROUP_HTTPLIB}")
  target_compile_definitions(
    taskgroup_httplib PUBLIC CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_USE_POLL)
  target_link_libraries(taskgroup_httplib PUBLIC OpenSSL::SSL Threads::Threads)
  add_library(httplib::httplib ALIAS taskgroup_httplib)
  set(taskgroup_httplib_summary "${taskgroup_unpacked_httplib} (${TASKGROUP_HTTPLIB})")
elseif(TASKGROUP_TESTS OR NOT TASKGROUP_CLUSTER STREQUAL "AUTO")
  message(FATAL_ERROR "cpp-httplib 0.18 or later is missing. `scripts/setup cluster` gets it, "
                      "-DTASKGROUP_CLUSTER=OFF does without API client and controller.")
else()
  set(TASKGROUP_CLUSTER OFF)
  set(taskgroup_httplib_summary "not found")
endif()
