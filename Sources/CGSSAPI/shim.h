#pragma once
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

/* A function macro, which Swift does not import. */
static inline int restage_gss_failed(OM_uint32 status)
{
  return GSS_ERROR(status) != 0;
}

/* Variables of the library, which Swift takes for shared state. */
static inline gss_OID restage_gss_principal_name(void)
{
  return GSS_KRB5_NT_PRINCIPAL_NAME;
}

static inline gss_OID restage_gss_kerberos(void)
{
  return gss_mech_krb5;
}
