# Cross-building for 64-bit ARM with Debian's crossbuild-essential-arm64.
#
# ARM64_SYSROOT, a cache or environment variable: a folder with the arm64 -dev packages unpacked.
# Without it the libraries come from Debian's multiarch folders (dpkg --add-architecture arm64).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)

if(NOT ARM64_SYSROOT AND DEFINED ENV{ARM64_SYSROOT})
  set(ARM64_SYSROOT $ENV{ARM64_SYSROOT})
endif()
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ARM64_SYSROOT)
if(ARM64_SYSROOT)
  set(CMAKE_SYSROOT ${ARM64_SYSROOT})
  set(ENV{PKG_CONFIG_SYSROOT_DIR} ${ARM64_SYSROOT})
endif()
set(ENV{PKG_CONFIG_PATH} "")
set(ENV{PKG_CONFIG_LIBDIR}
    "${ARM64_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${ARM64_SYSROOT}/usr/share/pkgconfig")
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
if(ARM64_SYSROOT)
  set(CMAKE_FIND_ROOT_PATH ${ARM64_SYSROOT})
else()
  set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY BOTH)
  set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE BOTH)
endif()
