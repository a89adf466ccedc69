#pragma once
#include <sys/types.h>
#include <sha256.h>

/* For the tests: NTLM. */
#include <md4.h>
#include <md5.h>
