# tamis_library(NAME [USES …])   the folder's *.cc (not main.cc) as one library; Lua scripts beside it are embedded.
# tamis_program(NAME USES …)     main.cc of the folder as a program.
# tamis_test(NAME LABEL … USES …) the folder's *_test.cc as one GoogleTest program, each test case a CTest.
include(GoogleTest)

function(tamis_library name)
  cmake_parse_arguments(A "" "" "USES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  if(sources)
    add_library(tamis_${name} STATIC ${sources})
    target_link_libraries(tamis_${name} PUBLIC tamis_options ${A_USES})
  else()
    add_library(tamis_${name} INTERFACE)
    target_link_libraries(tamis_${name} INTERFACE tamis_options ${A_USES})
  endif()
endfunction()

function(tamis_program name)
  cmake_parse_arguments(A "" "" "USES" ${ARGN})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.cc)
    add_executable(${name} main.cc)
    target_link_libraries(${name} PRIVATE tamis_options ${A_USES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  endif()
endfunction()

function(tamis_test name)
  cmake_parse_arguments(A "SERIAL" "LABEL;TIMEOUT" "USES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *_test.cc)
  if(NOT sources)
    return()
  endif()
  file(GLOB extra CONFIGURE_DEPENDS *.cc)
  add_executable(test_${name} ${extra})
  target_link_libraries(test_${name} PRIVATE tamis_options ${A_USES} GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE TAMIS_ROOT="${PROJECT_SOURCE_DIR}" TAMIS_BIN="${PROJECT_BINARY_DIR}/bin")
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 60)
  endif()
  gtest_discover_tests(test_${name} TEST_PREFIX "${name}." DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS ${A_LABEL} TIMEOUT ${A_TIMEOUT})
endfunction()

# tamis_embed(TARGET NAMESPACE FILE…): each text file becomes a `constexpr std::string_view` of its stem in
# <build>/generated/<folder>/embedded.h, so that programs need no files beside them.
function(tamis_embed target namespace)
  file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  set(out ${PROJECT_BINARY_DIR}/generated/${folder}/embedded.h)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -D "FILES=${ARGN}" -D NAMESPACE=${namespace} -D OUT=${out} -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${ARGN} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} VERBATIM)
  target_sources(${target} PRIVATE ${out})
  target_include_directories(${target} PRIVATE ${PROJECT_BINARY_DIR}/generated)
endfunction()
