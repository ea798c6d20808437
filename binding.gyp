{
  "targets": [
    {
      "target_name": "vfio_isolate",
      "sources": [
        "native/affinity.cc",
        "native/apart.cc",
        "native/arguments.cc",
        "native/batch.cc",
        "native/beneath.cc",
        "native/binding.cc",
        "native/calls_affinity.cc",
        "native/calls_apart.cc",
        "native/calls_mount.cc",
        "native/calls_move.cc",
        "native/calls_output.cc",
        "native/calls_record.cc",
        "native/calls_select.cc",
        "native/calls_tasks.cc",
        "native/compat.cc",
        "native/convert.cc",
        "native/crc32.cc",
        "native/destination.cc",
        "native/directory.cc",
        "native/error.cc",
        "native/io.cc",
        "native/migrate.cc",
        "native/mount.cc",
        "native/mover.cc",
        "native/plan.cc",
        "native/proc.cc",
        "native/record.cc",
        "native/resolve.cc",
        "native/screen.cc",
        "native/select.cc",
        "native/task_list.cc",
        "native/tasks.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        "NAPI_VERSION=8",
        "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        "NODE_ADDON_API_DISABLE_DEPRECATED"
      ],
      "cflags_cc": ["-std=gnu++17", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      "configurations": {
        "Release": { "cflags!": ["-O3"], "cflags": ["-Os", "-ffunction-sections", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"] }
      },
      "ldflags": ["-Wl,--gc-sections", "-Wl,--version-script=<(module_root_dir)/native/exports.map"]
    }
  ]
}
