# Run by cpack on the finished package, whose outermost archive notes the umask under which it was made: ar's D leaves
# out who, when and how.
foreach(package ${CPACK_PACKAGE_FILES})
  set(parts ${package}.parts)
  file(REMOVE_RECURSE ${parts})
  file(MAKE_DIRECTORY ${parts})
  execute_process(COMMAND ar x ${package} WORKING_DIRECTORY ${parts} COMMAND_ERROR_IS_FATAL ANY)
  file(REMOVE ${package})
  execute_process(COMMAND ar rcD ${package} debian-binary control.tar.gz data.tar.xz WORKING_DIRECTORY ${parts}
    COMMAND_ERROR_IS_FATAL ANY)
  file(REMOVE_RECURSE ${parts})
endforeach()
