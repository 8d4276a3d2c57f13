# Builds conf/templates into the program, so that it can write a mail where no data folder is installed.
# Included by the top CMakeLists it adds the rule; run as a script (cmake -P) it writes the C file.
if(NOT CMAKE_SCRIPT_MODE_FILE)
  set(DW_TEMPLATES_C ${CMAKE_BINARY_DIR}/templates-embedded.c)
  file(GLOB DW_TEMPLATES CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/conf/templates/*/*.mustache)
  add_custom_command(OUTPUT ${DW_TEMPLATES_C}
    COMMAND ${CMAKE_COMMAND} -DDIR=${CMAKE_SOURCE_DIR}/conf/templates -DOUT=${DW_TEMPLATES_C}
            -P ${CMAKE_SOURCE_DIR}/daemon/mail/embed.cmake
    DEPENDS ${DW_TEMPLATES} ${CMAKE_SOURCE_DIR}/daemon/mail/embed.cmake
    VERBATIM)
  target_sources(duewatch_io PRIVATE ${DW_TEMPLATES_C})
  return()
endif()

file(GLOB FILES RELATIVE ${DIR} ${DIR}/*/*.mustache)
list(SORT FILES)
set(TEXTS "")
set(TABLE "")
set(N 0)
foreach(NAME ${FILES})
  file(READ ${DIR}/${NAME} HEX HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," BYTES "${HEX}")
  string(REGEX REPLACE "\\.mustache$" "" KEY ${NAME})
  string(APPEND TEXTS "static const unsigned char t${N}[] = { ${BYTES}0 };\n")
  string(APPEND TABLE "\t{ \"${KEY}\", (const char *)t${N} },\n")
  math(EXPR N "${N} + 1")
endforeach()
file(WRITE ${OUT} "/* Generated from conf/templates by daemon/mail/embed.cmake. */\n#include <stddef.h>\n\n"
  "struct dw_embedded {\n\tconst char *name, *text;\n};\nextern const struct dw_embedded dw_embedded_templates[];\n\n"
  "${TEXTS}\nconst struct dw_embedded dw_embedded_templates[] = {\n${TABLE}\t{ NULL, NULL }\n};\n")
