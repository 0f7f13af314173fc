# SPDX-License-Identifier: Apache-2.0
# taskgroup_settings: language level and include folders of our own code, linked PRIVATE by it.

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")

find_package(Threads REQUIRED)

add_library(taskgroup_settings INTERFACE)
target_compile_features(taskgroup_settings INTERFACE cxx_std_20)
target_include_directories(
  taskgroup_settings INTERFACE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
target_compile_definitions(
  taskgroup_settings INTERFACE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
target_link_libraries(taskgroup_settings INTERFACE Threads::Threads)
