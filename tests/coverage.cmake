# Target `coverage`: runs the unit tests and prints which lines of daemon/core they reach.
#   cmake -S . -B build-cov -G Ninja -DDW_COVERAGE=ON && ninja -C build-cov coverage
find_program(GCOVR gcovr)
if(NOT GCOVR)
  message(FATAL_ERROR "DW_COVERAGE needs gcovr (Debian: gcovr)")
endif()

# clang writes notes that only its own gcov reads
set(GCOV_TOOL gcov)
if(CMAKE_C_COMPILER_ID MATCHES Clang)
  set(GCOV_TOOL "llvm-cov gcov")
endif()

set(UNIT_TESTS)
foreach(src ${UNIT})
  get_filename_component(name ${src} NAME_WE)
  list(APPEND UNIT_TESTS unit-${name})
endforeach()

add_custom_target(coverage
  # what an earlier run counted
  COMMAND find ${CMAKE_BINARY_DIR} -name *.gcda -delete
  COMMAND ${CMAKE_CTEST_COMMAND} --output-on-failure -R ^unit-
  COMMAND ${GCOVR} --gcov-executable ${GCOV_TOOL} --root ${CMAKE_SOURCE_DIR} --object-directory ${CMAKE_BINARY_DIR}
          --filter ${CMAKE_SOURCE_DIR}/daemon/core/ --sort-percentage --print-summary ${CMAKE_BINARY_DIR}/CMakeFiles/duewatch_core.dir
  DEPENDS ${UNIT_TESTS}
  WORKING_DIRECTORY ${CMAKE_BINARY_DIR}
  USES_TERMINAL VERBATIM)
