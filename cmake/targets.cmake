# SPDX-License-Identifier: Apache-2.0
# Helpers for the folders' CMakeLists.txt: one target per folder with an explicit link list, so that
# a wrong include does not build.

# taskgroup_add_library(NAME SOURCES <file>... [LINK <target>...] [PRIVATE_LINK <target>...])
# adds a static library of our own code. LINK is what its headers need, PRIVATE_LINK what only its
# sources need.
function(taskgroup_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK;PRIVATE_LINK")
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(
    ${name}
    PUBLIC ${arg_LINK}
    PRIVATE ${arg_PRIVATE_LINK} taskgroup_settings taskgroup_warnings)
endfunction()

# taskgroup_add_program(NAME SOURCES <file>... [LINK <target>...]) adds a program in bin/.
function(taskgroup_add_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LINK")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINK} taskgroup_settings taskgroup_warnings)
endfunction()
