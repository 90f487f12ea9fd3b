# Compiler options as one interface target, `tamis_options`, which every target of ours links.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
option(TAMIS_TESTS "build the tests" ON)
option(TAMIS_BENCH "build the benchmarks" OFF)
option(TAMIS_FUZZ "build the fuzz targets with libFuzzer (clang)" OFF)
set(TAMIS_SANITIZE "" CACHE STRING "sanitizers, as -fsanitize= takes them")

# Dev is for waiting little: light optimisation, line numbers only.
set(CMAKE_CXX_FLAGS_DEV "-O1 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1")
set(CMAKE_EXE_LINKER_FLAGS_DEV "")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(LLD ld.lld)

add_library(tamis_options INTERFACE)
target_include_directories(tamis_options INTERFACE ${PROJECT_SOURCE_DIR})
# Designated initializers leave members at their defaults on purpose.
target_compile_options(tamis_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -Wno-missing-field-initializers -Wnon-virtual-dtor -Woverloaded-virtual -Werror -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 warns about its own library's strings and vectors once they are inlined.
  target_compile_options(tamis_options INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
if(LLD)
  target_link_options(tamis_options INTERFACE -fuse-ld=lld)
endif()
if(TAMIS_SANITIZE)
  target_compile_options(tamis_options INTERFACE -fsanitize=${TAMIS_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(tamis_options INTERFACE -fsanitize=${TAMIS_SANITIZE})
endif()
