# SPDX-License-Identifier: Apache-2.0
# The agent is one small static program that runs in any image. Everything it links is compiled for
# size; in sanitizer builds it is an ordinary dynamic program, since a sanitizer cannot be static.

# With GCC the whole program is seen at once, which saves 5 % of it. Objects hold ordinary code too, for
# programs that are linked in the ordinary way.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT TASKGROUP_SANITIZE)
  set(taskgroup_small_compile -flto -ffat-lto-objects)
  set(taskgroup_small_link -flto -flto-partition=one -Os)
endif()

# taskgroup_compile_small(TARGET...) compiles the targets for size in release builds.
function(taskgroup_compile_small)
  foreach(target IN LISTS ARGN)
    target_compile_options(
      ${target} PRIVATE $<$<CONFIG:Release>:-Os;-ffunction-sections;-fdata-sections>
                        "$<$<CONFIG:Release>:${taskgroup_small_compile}>")
  endforeach()
endfunction()

# taskgroup_link_small(PROGRAM) links it statically, without unused sections, without symbols and
# without the padding that would put code on pages of its own.
function(taskgroup_link_small program)
  if(TASKGROUP_SANITIZE)
    return()
  endif()
  target_link_options(
    ${program} PRIVATE -static $<$<CONFIG:Release>:-Wl,--gc-sections;-Wl,--build-id=none;-s>
                       $<$<CONFIG:Release>:-Wl,-z,noseparate-code>
                       "$<$<CONFIG:Release>:${taskgroup_small_link}>")
endfunction()
