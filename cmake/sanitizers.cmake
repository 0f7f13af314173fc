# SPDX-License-Identifier: Apache-2.0
# TASKGROUP_SANITIZE applies to every target, so that no part of a program is left out.

if(TASKGROUP_SANITIZE)
  add_compile_options(
    -fsanitize=${TASKGROUP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=${TASKGROUP_SANITIZE})
endif()
if(TASKGROUP_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "TASKGROUP_FUZZ needs clang for libFuzzer: use `cmake --preset fuzz`")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
