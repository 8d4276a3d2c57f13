# What `cmake --install` puts where, and the Debian package (cpack -G DEB). Included last by the top CMakeLists.txt.
# Config, state and drop folder have fixed places (/etc, /var/lib, /srv); all else follows the prefix.

# --- flags of a distribution build; the sanitizers bring their own checks (tests/analyse.sh hardening looks at what
# --- is in the package). -U first: an environment's CFLAGS may have set another level.
if(NOT DW_ASAN AND NOT DW_TSAN AND NOT DW_COVERAGE AND NOT DW_FUZZ)
  target_compile_options(dw_flags INTERFACE -fPIE -fstack-clash-protection
    "$<$<NOT:$<CONFIG:Debug>>:SHELL:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>")
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    target_compile_options(dw_flags INTERFACE -fcf-protection)
  endif()
  target_link_options(dw_flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack)
endif()

set(DW_UNIT_DIR lib/systemd/system)
set(DW_CONF_DIR /etc/duewatch)
# folders open to all whatever the umask of who installs
set(CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
  WORLD_READ WORLD_EXECUTE)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS ${CMAKE_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})

# --- programs ---
if(TARGET duewatchd)
  install(TARGETS duewatchd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
  install(TARGETS duewatch RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(FILES daemon/cli/duewatch.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME duewatch)

# --- rule packs, mail templates, examples ---
install(DIRECTORY conf/platforms conf/templates DESTINATION ${CMAKE_INSTALL_DATADIR}/duewatch)
install(DIRECTORY conf/demo/ DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/duewatch/examples)

# --- documents: man pages and changelog packed, without a time stamp ---
find_program(GZIP gzip REQUIRED)
function(dw_install_gz file destination)
  get_filename_component(name ${file} NAME)
  set(packed ${CMAKE_BINARY_DIR}/doc/${name}.gz)
  add_custom_command(OUTPUT ${packed} COMMAND ${GZIP} -9nc ${CMAKE_SOURCE_DIR}/${file} > ${packed} DEPENDS ${file} VERBATIM)
  list(APPEND DW_PACKED ${packed})
  set(DW_PACKED ${DW_PACKED} PARENT_SCOPE)
  install(FILES ${packed} DESTINATION ${destination})
endfunction()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/doc)
file(GLOB pages CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR} daemon/man/*.[158])
foreach(page ${pages})
  string(REGEX MATCH "[0-9]$" section ${page})
  dw_install_gz(${page} ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
dw_install_gz(systemd/deb/changelog ${CMAKE_INSTALL_DATADIR}/doc/duewatch)
add_custom_target(packed-docs ALL DEPENDS ${DW_PACKED})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/duewatch RENAME copyright)

# --- the service: its ExecStart follows the prefix given at install time ---
install(CODE "
  file(READ \"${CMAKE_SOURCE_DIR}/systemd/duewatchd.service\" unit)
  string(REPLACE \"/usr/sbin/\" \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}/\" unit \"\${unit}\")
  file(WRITE \"${CMAKE_BINARY_DIR}/doc/duewatchd.service\" \"\${unit}\")")
install(FILES ${CMAKE_BINARY_DIR}/doc/duewatchd.service DESTINATION ${DW_UNIT_DIR})
install(FILES systemd/duewatch.sysusers DESTINATION lib/sysusers.d RENAME duewatch.conf)
install(FILES systemd/duewatch.tmpfiles DESTINATION lib/tmpfiles.d RENAME duewatch.conf)

# --- config: installing again never overwrites what a person wrote ---
install(DIRECTORY DESTINATION ${DW_CONF_DIR}/platforms.d)
install(DIRECTORY DESTINATION ${DW_CONF_DIR}/templates)
install(CODE "
  set(conf \"\$ENV{DESTDIR}${DW_CONF_DIR}\")
  if(EXISTS \"\${conf}/duewatch.conf\")
    message(STATUS \"Kept: \${conf}/duewatch.conf\")
  elseif(EXISTS \"${CMAKE_SOURCE_DIR}/conf/duewatch.conf\")
    file(INSTALL \"${CMAKE_SOURCE_DIR}/conf/duewatch.conf\" DESTINATION \"${DW_CONF_DIR}\"
      PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
  endif()")

# --- the package ---
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME duewatch)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The duewatch authors <duewatch@example.com>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "mails the right person before an order's deadline is lost")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "duewatch reads exports of trade platforms' orders from a drop folder, finds
those whose ship date has to be extended, or whose receipt must not confirm
itself, while it can still be filed, and mails whoever has to act, with the
steps.")
set(CPACK_DEBIAN_PACKAGE_SECTION mail)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd, tzdata, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "default-mta | mail-transport-agent, bash-completion")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(deb ${CMAKE_SOURCE_DIR}/systemd/deb)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${deb}/postinst ${deb}/prerm ${deb}/postrm ${deb}/conffiles)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_STRIP_FILES ON)
# The same sources make the same bytes (tests/analyse.sh reproducible).
set(CPACK_PROJECT_CONFIG_FILE ${deb}/epoch.cmake)
set(CPACK_PRE_BUILD_SCRIPTS ${deb}/stamp.cmake)
set(CPACK_POST_BUILD_SCRIPTS ${deb}/repack.cmake)
set(CPACK_DW_CHANGELOG ${deb}/changelog)
set(CPACK_SET_DESTDIR ON)
# With a staging folder CPack takes the prefix of the configuration, not its own default.
set(CPACK_INSTALL_PREFIX /usr)
include(CPack)
