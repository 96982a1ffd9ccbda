# What an installed system needs beside the programs: configuration, units, manual pages. Paths are
# those of Debian; the release preset's prefix is /usr.
include(GNUInstallDirs)

# Configuration: never over what the administrator has changed. Not for everybody's eyes, since it
# names the mail system's tables.
foreach(file policyd.toml clients.cidr)
  install(CODE "
    set(installed \$ENV{DESTDIR}/etc/policyd/${file})
    if(EXISTS \${installed})
      message(STATUS \"Keeping: \${installed}\")
    else()
      file(INSTALL ${CMAKE_SOURCE_DIR}/conf/${file} DESTINATION /etc/policyd
           PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
    endif()")
endforeach()
file(GLOB samples CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/conf/*.cf ${CMAKE_SOURCE_DIR}/conf/*.sample
     ${CMAKE_SOURCE_DIR}/conf/schema-*.sql)
install(FILES ${samples} DESTINATION ${CMAKE_INSTALL_DATADIR}/policyd)

install(FILES init/policyd.service init/policyd.socket init/policyd-scan.service
        DESTINATION lib/systemd/system)
install(FILES init/policyd.sysusers DESTINATION lib/sysusers.d RENAME policyd.conf)
install(FILES init/policyd.tmpfiles DESTINATION lib/tmpfiles.d RENAME policyd.conf)
install(FILES init/policyd.logrotate DESTINATION /etc/logrotate.d RENAME policyd)
foreach(daemon policyd policyd-scan)
  install(PROGRAMS init/${daemon}.sysv DESTINATION /etc/init.d RENAME ${daemon})
endforeach()

foreach(section 1 5 8)
  file(GLOB pages CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/*.${section})
  if(pages)
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  endif()
endforeach()
