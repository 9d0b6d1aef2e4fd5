// `penstock shim TASK_DIR` and nothing else.
#include "agent/shim.h"

int main(int argc, char** argv) { return argc == 2 ? penstock::shim_main(argv[1]) : 2; }
