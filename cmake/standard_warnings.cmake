# SPDX-License-Identifier: Apache-2.0
# taskgroup_warnings: linked PRIVATE by our own code, never by anybody else's.

add_library(taskgroup_warnings INTERFACE)
target_compile_options(
  taskgroup_warnings
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            -Wsign-conversion
            -Wcast-qual
            -Wformat=2
            -Wnon-virtual-dtor
            -Wold-style-cast
            -Woverloaded-virtual
            -Wundef
            -Wunused)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(
    taskgroup_warnings
    INTERFACE -Wduplicated-branches
              -Wduplicated-cond
              -Wlogical-op
              -Wno-missing-field-initializers # designated initializers leave members out on purpose
              -Wno-restrict # false positives in GCC 12's std::string (GCC bug 105651)
  )
  if(TASKGROUP_SANITIZE)
    # GCC's manual warns of false positives of this one under sanitizers.
    target_compile_options(taskgroup_warnings INTERFACE -Wno-maybe-uninitialized)
  endif()
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 15)
    set(taskgroup_known_compiler ON)
  endif()
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(
    taskgroup_warnings
    INTERFACE -Wthread-safety
              -Wno-deprecated-declarations # libstdc++ 12's std::stable_sort uses a deprecated function
              -Wno-missing-field-initializers
              -Wno-missing-designated-field-initializers)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 20)
    set(taskgroup_known_compiler ON)
  endif()
endif()

# Only compilers that we build with: a newer one's new warnings must not stop a newcomer's first build.
if(TASKGROUP_DEV AND taskgroup_known_compiler)
  target_compile_options(taskgroup_warnings INTERFACE -Werror)
endif()
