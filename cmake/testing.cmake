# SPDX-License-Identifier: Apache-2.0
# Helpers for tests and fuzzers. Without TASKGROUP_TESTS (TASKGROUP_FUZZ) they do nothing.

if(TASKGROUP_TESTS)
  enable_testing()
  include(GoogleTest)
endif()

# taskgroup_add_test(NAME SOURCES <file>... LINK <target>... [LABELS <label>...] [TIMEOUT <seconds>]
# [THREADS]) adds one gtest program (gtest's and gmock's main) whose cases become ctest's tests. The
# label is `unit` if none is given. THREADS: what is tested has several, so that the thread sanitizer
# can find something; it is not asked about the others.
function(taskgroup_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "THREADS" "TIMEOUT" "SOURCES;LINK;LABELS")
  if(NOT TASKGROUP_TESTS OR (TASKGROUP_SANITIZE STREQUAL "thread" AND NOT arg_THREADS))
    return()
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300) # ends what hangs; a busy machine alone must not fail a test
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(
    ${name} PRIVATE ${arg_LINK} GTest::gmock_main taskgroup_settings taskgroup_warnings)
  # What is tested is optimized; the tests need not be, and compile in half the time.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)
  gtest_discover_tests(
    ${name}
    DISCOVERY_MODE PRE_TEST
    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
    PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} ENVIRONMENT
                                                             "PROMTOOL=${TASKGROUP_PROMTOOL}")
endfunction()

# taskgroup_add_script_test(NAME COMMAND <program> <arg>... [LABELS <label>...] [TIMEOUT <seconds>]
# [THREADS]) adds a test that drives the real programs. It finds them by TASKGROUP_BIN, the folder of
# programs, and Prometheus' checks by PROMTOOL. THREADS as above.
function(taskgroup_add_script_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "THREADS" "TIMEOUT" "COMMAND;LABELS")
  if(NOT TASKGROUP_TESTS OR (TASKGROUP_SANITIZE STREQUAL "thread" AND NOT arg_THREADS))
    return()
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS e2e)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 240)
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(
    ${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} ENVIRONMENT
                       "TASKGROUP_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};PROMTOOL=${TASKGROUP_PROMTOOL}")
endfunction()

# taskgroup_add_fuzzer(NAME SOURCES <file>... LINK <target>...) adds a libFuzzer program that
# `make fuzz` runs.
function(taskgroup_add_fuzzer name)
  if(NOT TASKGROUP_FUZZ)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINK} taskgroup_settings taskgroup_warnings)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(
    ${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
endfunction()
