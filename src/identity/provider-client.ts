import type { Configuration, ServerMetadata } from 'openid-client';
import { fetchFromProvider, providerTimeoutMs } from './provider-fetch.ts';

/**
 * This server as a client of a provider. `methods`: how clients of the endpoint that is asked may sign
 * in, where that is told apart from how they do at the token endpoint. A client without a secret is a
 * public one.
 */
export async function clientOfProvider(
  metadata: ServerMetadata,
  { clientId, clientSecret }: { readonly clientId: string; readonly clientSecret: string | null },
  methods: readonly string[] | undefined = metadata.token_endpoint_auth_methods_supported,
): Promise<Configuration> {
  const client = await import('openid-client');
  const configuration = new client.Configuration(
    metadata,
    clientId,
    {},
    clientSecret === null
      ? client.None()
      : // RFC 8414, 2: where a provider does not say how clients sign in, it is by HTTP Basic.
        takesBasic(methods ?? metadata.token_endpoint_auth_methods_supported)
        ? client.ClientSecretBasic(clientSecret)
        : client.ClientSecretPost(clientSecret),
  );
  configuration.timeout = providerTimeoutMs / 1000;
  configuration[client.customFetch] = fetchFromProvider;
  // A provider that is reached encrypted must not have a secret sent elsewhere in the clear.
  if (metadata.issuer.startsWith('http:')) client.allowInsecureRequests(configuration);
  return configuration;
}

function takesBasic(methods: readonly string[] = ['client_secret_basic']): boolean {
  return methods.includes('client_secret_basic');
}
