#include "mount-helpers/run_hardlinkfs.h"

int main(int argc, char** argv) { return hardlinkfs::RunHardlinkfs(argc, argv); }
